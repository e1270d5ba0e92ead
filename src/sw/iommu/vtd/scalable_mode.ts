/**
 * VT-d scalable mode: a context entry names a directory of PASIDs, whose tables name what each PASID is attached to.
 * Requests without PASID, which are all there are here, count as those of PASID 0.
 *
 * Source: Linux drivers/iommu/intel/pasid.c (intel_pasid_alloc_table, intel_pasid_setup_first_level, -second_level,
 * -pass_through, -nested, device_pasid_table_setup), cache.c (first stages are forgotten by PASID, second ones by domain).
 */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { composed, type FieldValue } from "../../../bits/composed.js";
import { read, write } from "../../../bits/field.js";
import { ScalableContextEntry, scalableContextEntryBytes } from "../../../spec/vtd/context_entry.js";
import {
  PasidDirectoryEntry,
  PasidEntry,
  PasidTranslation,
  pasidDirectoryEntryBytes,
  pasidEntryBytes,
} from "../../../spec/vtd/pasid.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import { ExtendedCapability } from "../../../spec/vtd/registers.js";
import { rootEntryBytes, ScalableRootEntry } from "../../../spec/vtd/root_entry.js";
import { Allow, type TableRoot } from "../../../table/index.js";
import type { UnitPorts } from "../ports.js";
import type { AttachedDevice } from "../unit_driver.js";
import { context, iotlb, pasidCache, pasidIotlb } from "./commands.js";
import { type AttachedTo, fourLevels, type MakeMode, tables } from "./mode.js";

/** Of requests without PASID. */
const ridPasid = 0;
/** PDTS: a directory that fills a page has 2^(n + 7) entries. */
const directoryLg2 = Math.log2(frameBytes / pasidDirectoryEntryBytes);
const firstEntry = { ...tables, format: "vtd-fs", upper: "sign", allow: Allow.readWrite, lacks: ["pages-1g"] } as const;
const secondEntry = { ...tables, format: "vtd-ss", upper: "zero", allow: Allow.readWrite } as const;

/** @param stage of whose tables domains are made: Linux takes the first where a unit has both */
export const scalableMode =
  (stage: "first" | "second"): MakeMode =>
  (ports, root) => ({
    ttm: 1,
    // Smaller ones cannot name PASIDs of a unit in this mode (VT-d 4.1, 6.5.2).
    descriptorBytes: 32,
    root: stage === "first" ? firstEntry : secondEntry,
    entryAt: (requester) => contextAt(ports, root, requester),
    forgetAll: () => [context({ g: 1 }), pasidCache({ g: 3 }), iotlb({ g: 1 })],

    attach(device, to) {
      const entry = contextAt(ports, root, device.requester);
      // What is led to stands before what leads to it.
      const old = putPasid(ports, directoryAt(ports, entry), to);
      putContext(ports, entry, device);
      const pasid = ridPasid;
      // What the unit keeps of an entry, and by it, it keeps under the id that stood there.
      const { did, isFirst } = old ?? { did: to?.did ?? 0, isFirst: to?.root?.format === "vtd-fs" };
      const translations = isFirst ? pasidIotlb({ g: 2, did, pasid }) : iotlb({ g: 2, did });
      return [context({ g: 3, sid: device.requester }), pasidCache({ g: 1, did, pasid }), translations];
    },

    forgetPages(did, range, leavesOnly) {
      const pages =
        range === null ? { g: 2 } : ({ g: 3, page: range.page, am: range.lg2, ih: leavesOnly ? 1 : 0 } as const);
      return stage === "first" ? pasidIotlb({ ...pages, did, pasid: ridPasid }) : iotlb({ ...pages, did });
    },
  });

/** The byte address of a device's context entry; its half of the bus gets a table when there is none. */
function contextAt({ memory, allocate }: UnitPorts, root: number, requester: number): number {
  const at = root + (requester >>> 8) * rootEntryBytes;
  const words = Uint32Array.from({ length: rootEntryBytes / 4 }, (_, n) => memory.load32(at + 4 * n));
  const { lower, lowerP, upper, upperP } = ScalableRootEntry;
  const [frame, present] = (requester & 0x80) === 0 ? [lower, lowerP] : [upper, upperP];
  if (read(words, 0, present) === 0) {
    write(words, 0, frame, allocate(1) as Mfn);
    write(words, 0, present, 1);
    memory.store(at, words);
  }
  return read(words, 0, frame) * frameBytes + (requester & 0x7f) * scalableContextEntryBytes;
}

/** The directory of PASIDs that a context entry names, or is to name. @returns its byte address */
function directoryAt({ memory, allocate }: UnitPorts, entry: number): number {
  const words = Uint32Array.of(memory.load32(entry), memory.load32(entry + 4));
  if (read(words, 0, ScalableContextEntry.p) === 1) return read(words, 0, ScalableContextEntry.frame) * frameBytes;
  const directory = allocate(1) * frameBytes;
  const first = new Uint32Array(pasidDirectoryEntryBytes / 4);
  write(first, 0, PasidDirectoryEntry.frame, allocate(1) as Mfn);
  write(first, 0, PasidDirectoryEntry.p, 1);
  memory.store(directory, first);
  memory.store(entry, composed(8, [[ScalableContextEntry.frame, directory / frameBytes]]));
  return directory;
}

/** ECAP.SMPWCS: walks may snoop. */
function snoops(registers: UnitPorts["registers"]): boolean {
  const words = new Uint32Array(2);
  registers.read64(vtdRegisters.registers.ecap.offset, words);
  return read(words, 0, ExtendedCapability.smpwcs) === 1;
}

/** @returns what stood there; null: nothing */
function putPasid({ memory, registers }: UnitPorts, directory: number, to: AttachedTo | null) {
  const words = Uint32Array.of(memory.load32(directory), memory.load32(directory + 4));
  const at = read(words, 0, PasidDirectoryEntry.frame) * frameBytes + ridPasid * pasidEntryBytes;
  const { p, pgtt } = PasidEntry;
  const entry = composed(pasidEntryBytes / 4, to === null ? [] : fieldsOf(to, snoops(registers)));
  const was = Uint32Array.from({ length: entry.length }, (_, n) => memory.load32(at + 4 * n));
  // The first piece, which says that it is present, is stored last, or alone where it says that nothing is.
  for (let n = to === null ? 0 : entry.length - 4; n >= 0; n -= 4) memory.store(at + n * 4, entry.subarray(n, n + 4));
  if (read(was, 0, p) === 0) return null;
  return { did: read(was, 0, PasidEntry.did), isFirst: read(was, 0, pgtt) === PasidTranslation.first };
}

function fieldsOf({ did, root, guest }: AttachedTo, snoop: boolean): readonly FieldValue[] {
  return [
    [PasidEntry.p, 1],
    [PasidEntry.did, did],
    [PasidEntry.aw, fourLevels],
    [PasidEntry.pwsnp, snoop ? 1 : 0],
    ...tableOf(root, guest),
  ];
}

/** What of a guest's entry counts when its first stage is nested. Source: Linux struct iommu_hwpt_vtd_s1. */
const { fsFrame, fspm, sre, wpe, eafe } = PasidEntry;
const ofGuest = [fsFrame, fspm, sre, wpe, eafe];

function tableOf(root: TableRoot | null, guest: Uint32Array | undefined): readonly FieldValue[] {
  const { pgtt } = PasidEntry;
  if (root === null) return [[pgtt, PasidTranslation.passThrough]];
  const frame = root.address / frameBytes;
  if (guest !== undefined)
    return [
      [pgtt, PasidTranslation.nested],
      [PasidEntry.ssFrame, frame],
      ...ofGuest.map((field) => [field, read(guest, 0, field)] as const),
    ];
  if (root.format === "vtd-ss")
    return [
      [pgtt, PasidTranslation.second],
      [PasidEntry.ssFrame, frame],
    ];
  return [
    [pgtt, PasidTranslation.first],
    [PasidEntry.fsFrame, frame],
  ];
}

function putContext({ memory }: UnitPorts, at: number, { ats }: AttachedDevice): void {
  const words = Uint32Array.from({ length: scalableContextEntryBytes / 4 }, (_, n) => memory.load32(at + 4 * n));
  write(words, 0, ScalableContextEntry.p, 1);
  write(words, 0, ScalableContextEntry.dte, ats ? 1 : 0);
  write(words, 0, ScalableContextEntry.pdts, directoryLg2 - 7);
  write(words, 0, ScalableContextEntry.ridPasid, ridPasid);
  memory.store(at + 16, words.subarray(4));
  memory.store(at, words.subarray(0, 4));
}
