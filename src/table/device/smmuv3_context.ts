/**
 * SMMUv3: context descriptors, linear and two-level.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, sections 5.2 (S1Fmt, S1ContextPtr), 5.3 (L1CD), 5.4 (CD).
 */
import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import {
  ContextDescriptor as Cd,
  contextDescriptorBytes,
  L1ContextDescriptor,
  l1ContextDescriptorBytes,
} from "../../spec/smmuv3/context_descriptor.js";
import { StreamEntry as Ste } from "../../spec/smmuv3/stream_table.js";
import type { TableRoot } from "../root.js";
import type { Attachment } from "./attachment.js";
import { entryAt, type LookupEnd, type Path } from "./entry.js";
import { made, type Whose } from "./made.js";
import type { FirstStageStream } from "./smmuv3_entry.js";
import { illegalContext } from "./smmuv3_illegal.js";
import { firstStage, type Half, walksThrough } from "./smmuv3_tables.js";
import { through } from "./through.js";

const Event = { badSubstream: 0x08, contextFetch: 0x09, badContext: 0x0a, translation: 0x10 };

/** Log2 of the descriptors in one leaf of a two-level table; null when the table is linear. */
export function leafLg2(stream: FirstStageStream): number | null {
  if (stream.contextLg2 === 0 || stream.format === 0) return null;
  return stream.format === 1 ? 6 : 10;
}

/** @returns the address of the leaf that holds a substream's descriptor, as the stream gives it. */
export function leafOf(
  memory: MemoryView,
  whose: Whose,
  stream: FirstStageStream,
  index: number,
  path: Path,
): number | LookupEnd {
  const where = `the context descriptor table at ${hex(stream.contexts)} of stream ${hex(whose.requester)}`;
  const at = through(memory, stream.second, stream.contexts + index * l1ContextDescriptorBytes);
  if (at === null) return path.refuse("outside", Event.translation, `${where} is not mapped by the second stage`);
  const words = entryAt(memory, at, 2);
  if (words === undefined) return path.refuse("outside", Event.contextFetch, `${where} lies outside this memory`);
  if (read(words, 0, L1ContextDescriptor.v) === 0) {
    path.add(at, words, L1ContextDescriptor.$, "not valid");
    return path.refuse("absent", Event.badSubstream, `entry ${index} of ${where} is not valid`);
  }
  const leaf = read(words, 0, L1ContextDescriptor.frame) * frameBytes;
  path.add(at, words, L1ContextDescriptor.$, `context descriptors at ${hex(leaf)}`);
  // From SMMUv3.1 on (3.4.3); older units may drop the upper bits.
  if (stream.second === null && leaf >= 2 ** whose.unit.outputBits)
    return path.refuse("reserved", Event.badSubstream, `entry ${index} of ${where} is beyond the unit's output`);
  return leaf;
}

/** @param substream the one whose descriptor is used; `whose.pasid` is what the answer carries */
export function contextOf(
  memory: MemoryView,
  whose: Whose,
  stream: FirstStageStream,
  substream: number,
  path: Path,
): Attachment | LookupEnd {
  const lg2 = leafLg2(stream);
  let table = stream.contexts;
  let index = substream;
  if (lg2 !== null) {
    const leaf = leafOf(memory, whose, stream, Math.floor(substream / 2 ** lg2), path);
    if (typeof leaf !== "number") return leaf;
    table = leaf;
    index = substream % 2 ** lg2;
  }
  return descriptorAt(memory, whose, stream, table + index * contextDescriptorBytes, path);
}

/** @param address of the descriptor, as the stream gives it (an input of the second stage where there is one) */
export function descriptorAt(
  memory: MemoryView,
  whose: Whose,
  stream: FirstStageStream,
  address: number,
  path: Path,
): Attachment | LookupEnd {
  const who = `substream ${hex(whose.pasid ?? 0)} of stream ${hex(whose.requester)}`;
  const at = through(memory, stream.second, address);
  if (at === null)
    return path.refuse(
      "outside",
      Event.translation,
      `the context descriptor of ${who} is not mapped by the second stage`,
    );
  const cd = entryAt(memory, at, contextDescriptorBytes / 4);
  if (cd === undefined)
    return path.refuse("outside", Event.contextFetch, `the context descriptor of ${who} lies outside this memory`);
  if (read(cd, 0, Cd.v) === 0) {
    path.add(at, cd, Cd.$, "not valid");
    return path.refuse("absent", Event.badContext, `the context descriptor of ${who} is not valid`);
  }
  const [low, high] = [read(cd, 0, Cd.ttb0) * 16, read(cd, 0, Cd.ttb1) * 16];
  path.add(at, cd, Cd.$, `first-stage table at ${hex(walksThrough(cd, 0) ? low : high)}`);
  return attached(whose, stream, cd, who, path);
}

function attached(
  whose: Whose,
  stream: FirstStageStream,
  cd: Uint32Array,
  who: string,
  path: Path,
): Attachment | LookupEnd {
  const bad = (why: string) => path.refuse("reserved", Event.badContext, `context descriptor of ${who}: ${why}`);
  const unread = (why: string) => path.refuse("limit", null, `${who}: ${why}, which this tool does not read`);
  const illegal = illegalContext(whose.unit, stream.words, cd);
  if (illegal !== null) return bad(illegal);
  const first: TableRoot[] = [];
  for (const half of [0, 1] as const satisfies Half[]) {
    if (!walksThrough(cd, half)) continue;
    if (read(cd, 0, Cd.aa64) === 0) return unread("its descriptors have 32 or 128 bits");
    if (read(cd, 0, Cd.endi) === 1) return unread("its tables are big-endian");
    const stage = firstStage(whose.unit, cd, half, stream.second?.inputBits ?? null, stream.privileged);
    if ("illegal" in stage) return bad(stage.illegal);
    if ("unread" in stage) return unread(stage.unread);
    first.push(stage.root);
  }
  const nested = stream.second !== null;
  const domain = nested ? read(stream.words, 0, Ste.s2Vmid) : read(cd, 0, Cd.asid);
  if (first.length === 0) {
    const records = Event.translation;
    return made(whose, path, "blocked", "EPD0 and EPD1 are 1: no tables are walked", { domain, records });
  }
  return made(
    whose,
    path,
    "translated",
    `STE.Config is ${nested ? 7 : 5}: first stage${nested ? " and second stage" : ""}`,
    {
      domain,
      stage: nested ? "nested" : "first",
      ats: stream.ats,
      first,
      second: stream.second,
    },
  );
}
