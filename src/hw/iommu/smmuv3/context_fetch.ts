/**
 * Context descriptors that a second stage does not let be read: what it says, and of which address.
 *
 * Source: IHI 0070 G, 3.12 (a fault of the second stage), 7.3.12 and 7.3.13 (CLASS = CD; IPA, or what could not be fetched).
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import {
  contextDescriptorBytes,
  L1ContextDescriptor,
  l1ContextDescriptorBytes,
} from "../../../spec/smmuv3/context_descriptor.js";
import { StreamEntry as Ste } from "../../../spec/smmuv3/stream_table.js";
import type { EntryRead, UnitRoot } from "../../../table/device/index.js";
import { secondStage } from "../../../table/device/smmuv3_tables.js";
import { faultCode, isReached, Need, trace } from "../../../table/index.js";
import { wordsOf } from "./regimes.js";

/** @param entries the last of which leads to what could not be read @returns null: it can be read now */
export function contextFault(
  memory: MemoryView,
  unit: UnitRoot,
  entries: readonly EntryRead[],
  substream: number,
): { readonly code: number; readonly at: number } | null {
  const ste = wordsOf(entries, Ste.$);
  const stage = ste === undefined ? null : secondStage(unit, ste);
  if (stage === null || !("root" in stage)) return null;
  const { result } = trace(memory, stage.root, wantedAt(entries, ste!, substream), Need.read);
  if (isReached(result)) return null;
  const { fault, atTop, at } = result;
  return { code: faultCode("smmuv3", { fault, stage: "second", atTop, write: false }), at };
}

/** Of the descriptor, or of the level 1 descriptor that leads to it: an address that the second stage is given. */
function wantedAt(entries: readonly EntryRead[], ste: Uint32Array, substream: number): number {
  const format = read(ste, 0, Ste.s1Fmt) % 3;
  const perLeaf = format === 1 ? 64 : 1024;
  const table = read(ste, 0, Ste.s1Context) * 64;
  if (format === 0 || read(ste, 0, Ste.s1CdMax) === 0) return table + substream * contextDescriptorBytes;
  const leaf = wordsOf(entries, L1ContextDescriptor.$);
  if (leaf === undefined) return table + Math.floor(substream / perLeaf) * l1ContextDescriptorBytes;
  return read(leaf, 0, L1ContextDescriptor.frame) * frameBytes + (substream % perLeaf) * contextDescriptorBytes;
}
