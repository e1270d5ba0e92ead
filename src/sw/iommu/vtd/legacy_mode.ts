/**
 * VT-d legacy mode: a context entry names a second-stage table.
 *
 * Source: Linux drivers/iommu/intel/iommu.c (domain_context_mapping_one).
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { read, write } from "../../../bits/field.js";
import { ContextEntry, contextEntryBytes, TranslationType } from "../../../spec/vtd/context_entry.js";
import { RootEntry, rootEntryBytes } from "../../../spec/vtd/root_entry.js";
import { Allow } from "../../../table/index.js";
import type { UnitPorts } from "../ports.js";
import { context, iotlb } from "./commands.js";
import { type AttachedTo, fourLevels, type MakeMode, tables } from "./mode.js";

export const legacyMode: MakeMode = (ports, root) => ({
  ttm: 0,
  descriptorBytes: 16,
  root: { ...tables, format: "vtd-ss", upper: "zero", allow: Allow.readWrite },
  entryAt: (requester) => contextAt(ports, root, requester),
  forgetAll: () => [context({ g: 1 }), iotlb({ g: 1 })],

  attach({ requester, ats }, to) {
    if (to?.guest !== undefined) throw new Misuse("not-nested", "legacy mode has one stage");
    const words = to === null ? new Uint32Array(contextEntryBytes / 4) : entryOf(to, ats);
    const at = contextAt(ports, root, requester);
    // What the unit keeps of an entry, and by it, it keeps under the id that stood there.
    const old = Uint32Array.from({ length: words.length }, (_, n) => ports.memory.load32(at + 4 * n));
    const did = read(old, 0, ContextEntry.p) === 1 ? read(old, 0, ContextEntry.did) : (to?.did ?? 0);
    ports.memory.store(at, words);
    return [context({ g: 3, did, sid: requester }), iotlb({ g: 2, did })];
  },

  forgetPages: (did, range, leavesOnly) =>
    range === null
      ? iotlb({ g: 2, did })
      : iotlb({ g: 3, did, page: range.page, am: range.lg2, ih: leavesOnly ? 1 : 0 }),
});

function entryOf({ did, root }: AttachedTo, ats: boolean): Uint32Array {
  const words = new Uint32Array(contextEntryBytes / 4);
  write(words, 0, ContextEntry.p, 1);
  write(words, 0, ContextEntry.aw, fourLevels);
  const type = root === null ? "passThrough" : ats ? "translateAndAts" : "translate";
  write(words, 0, ContextEntry.tt, TranslationType[type]);
  write(words, 0, ContextEntry.did, did);
  if (root !== null) write(words, 0, ContextEntry.frame, (root.address / frameBytes) as Mfn);
  return words;
}

function contextAt({ memory, allocate }: UnitPorts, root: number, requester: number): number {
  const at = root + (requester >>> 8) * rootEntryBytes;
  const words = Uint32Array.of(memory.load32(at), memory.load32(at + 4), 0, 0);
  if (read(words, 0, RootEntry.p) === 0) {
    write(words, 0, RootEntry.frame, allocate(1) as Mfn);
    write(words, 0, RootEntry.p, 1);
    memory.store(at, words);
  }
  return read(words, 0, RootEntry.frame) * frameBytes + (requester & 0xff) * contextEntryBytes;
}
