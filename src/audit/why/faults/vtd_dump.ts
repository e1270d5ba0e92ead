/**
 * The tables that a kernel or Xen prints beside a VT-d fault, held against the fault.
 *
 * CONFIG_DMAR_DEBUG; Xen with iommu=verbose. The processor reads the entries a moment later than the unit did, and
 * through its caches: an entry that is present here and was absent for the unit was not flushed, or was written between.
 */
import { hex } from "../../../base/hex.js";
import { type LogFault, valueNamed } from "../../../read/index.js";
import type { FaultKind } from "../../../spec/dma/fault_kind.js";
import type { FaultEntry, FaultReason } from "../../../spec/vtd/fault_reasons.js";

export interface DumpSays {
  /** What the fault is after all; null when the dump only confirms it. */
  readonly kind: FaultKind | null;
  readonly words: string;
  readonly evidence: string;
}

const names: Readonly<Record<FaultEntry, string>> = {
  root: "root entry",
  context: "context entry",
  directory: "PASID directory entry",
  pasid: "PASID table entry",
  page: "page-table entry",
};

/** @returns null when there is no dump, or none of the entry that the fault is about. */
export function readDump(fault: LogFault, reason: FaultReason): DumpSays | null {
  if (reason.entry === null || fault.values.length === 0) return null;
  if (reason.entry === "page") return ofPage(fault);
  const value = entryOf(fault, reason.entry);
  if (value === null) return null;
  const name = names[reason.entry];
  if ((value & 1n) === 0n) {
    return { kind: null, words: "", evidence: `the dump shows the ${name} absent as well (${hex(value)})` };
  }
  return {
    kind: "conflict",
    words: `but the dump shows the ${name} present: the unit saw memory that was not up to date, a missing flush`,
    evidence:
      `the ${name} reads ${hex(value)} for the processor, bit 0 (present) is set; it was not flushed from the ` +
      "processor's cache, or was written just after",
  };
}

function entryOf(fault: LogFault, entry: FaultEntry): bigint | null {
  switch (entry) {
    case "root":
      // Scalable mode: devices 16 to 31 of the bus have the upper half.
      return valueNamed(fault, "root.high") !== null && deviceNumber(fault) >= 16
        ? valueNamed(fault, "root.high")
        : valueNamed(fault, "root.low");
    case "context":
      return valueNamed(fault, "context.table") ?? valueNamed(fault, "context");
    case "directory":
      return valueNamed(fault, "directory");
    default:
      return valueNamed(fault, "pasid.0");
  }
}

const deviceNumber = (fault: LogFault): number =>
  Number.parseInt(/([0-9a-f]{2})\.\d$/.exec(fault.device ?? "")?.[1] ?? "0", 16);

/** Bit 0 lets reads pass (or is P of the first stage), bit 1 writes; bit 7 above level 1 is a large page. */
function ofPage(fault: LogFault): DumpSays | null {
  const entries = fault.values.flatMap(([name, value]) =>
    name.startsWith("level.") ? [{ level: Number(name.slice(6)), value }] : [],
  );
  const absent = valueNamed(fault, "absent");
  const hole = entries.find((e) => (e.value & 3n) === 0n)?.level ?? (absent === null ? null : Number(absent));
  if (hole !== null) {
    const large = hole === 2 || hole === 3 ? " (kernels before 6.13 print the same for a large page)" : "";
    const seen = entries.some((e) => e.level === hole);
    return {
      kind: "unmapped",
      words: "nothing is mapped there, as the dump shows",
      evidence: `the dump finds no entry at level ${hole}${seen ? "" : large}`,
    };
  }
  if (valueNamed(fault, "domain") !== null) {
    return { kind: null, words: "", evidence: "the kernel had no page table for this device" };
  }
  const leaf = entries.at(-1);
  if (leaf === undefined || (leaf.level > 1 && (leaf.value & 0x80n) === 0n)) return null;
  const right = fault.write === true ? 2n : 1n;
  const without = entries.find((e) => (e.value & right) === 0n);
  const access = fault.write === true ? "writing" : "reading";
  if (without !== undefined) {
    return {
      kind: "permission",
      words: `the page is mapped, but not for ${access}, as the dump shows`,
      evidence: `the entry of level ${without.level} is ${hex(without.value)}: present, without the right for ${access}`,
    };
  }
  return {
    kind: "conflict",
    words: "but the dump shows the page mapped for this access: it was mapped just after, or a flush is missing",
    evidence: `the entry of level ${leaf.level} is ${hex(leaf.value)}: present, and it allows ${access}`,
  };
}
