/** Why a VT-d unit refused, and what to do. */

import { hex } from "../../../base/hex.js";
import { type LogFault, valueNamed } from "../../../read/index.js";
import { type FaultEntry, type FaultReason, faultReasons, faultStatusBits } from "../../../spec/vtd/fault_reasons.js";
import { bytesInWords } from "../../words/quantity.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import { type AdviceKey, addressHint, adviceFor, circumstanceOf, joined } from "./advice.js";
import { firmwareAdvice, firmwareSigns, reservedWords, withFirmware } from "./firmware.js";
import { type DumpSays, readDump } from "./vtd_dump.js";
import { explainVtdQueue, silentVtd } from "./vtd_queue.js";

export function explainVtd(fault: LogFault, machine: MachineContext): Diagnosis | null {
  switch (fault.topic) {
    case "access":
      return fault.by === null ? refused(fault, machine) : pageRequest(fault);
    case "status":
      return status(fault);
    case "command":
      return explainVtdQueue(fault, machine);
    case "mapping":
      return fault.says === "width" ? tooNarrow(fault) : mappedTwice(fault, machine);
    case "silent":
      return silentVtd(
        `the unit's registers at ${hex(fault.address ?? 0n)} read all ones`,
        "Remapping of DMA and interrupts stays off on this machine.",
      );
    case "firmware":
      return fault.says === "RMRR"
        ? strangeRegion(fault)
        : fault.says === "ineligible"
          ? ineligible(fault)
          : fault.says === "parse"
            ? unreadTable
            : addressZero;
    case "lost":
      return lostRequests;
    case "intremap-off":
      return remappingOff(fault);
    default:
      return null;
  }
}

/** Entries whose absence needs other advice than that of a device's own entry. */
const adviceOf: Readonly<Partial<Record<FaultEntry, AdviceKey>>> = {
  root: "no-bus",
  directory: "no-pasid",
  pasid: "no-pasid",
};

function refused(fault: LogFault, machine: MachineContext): Diagnosis {
  const where = circumstanceOf(fault, machine);
  const { code } = fault;
  const reason = code === null ? undefined : faultReasons[code];
  const device = fault.device === null ? {} : { device: fault.device };
  const who = whatWasTried(fault);
  if (code === 0xff || (fault.device === "ff:1f.7" && fault.address !== null && fault.address >= 0xfffffffffffff000n)) {
    return silentVtd(joined(who, "every field of the record is all ones"), "");
  }
  if (code === null) return reasonMissing(fault, who, machine);
  if (reason === undefined) return unknownReason(code, who, device);
  const dump = readDump(fault, reason);
  const kind = dump?.kind ?? reason.kind;
  const key: AdviceKey =
    dump?.kind === "conflict"
      ? "unflushed"
      : kind === "no-entry" && reason.entry !== null
        ? (adviceOf[reason.entry] ?? kind)
        : kind;
  const advice = adviceFor(key, where);
  const verdict: Diagnosis = {
    kind: `dmar-${kind}`,
    cause: `The IOMMU (VT-d) refused ${fault.interrupt ? "an interrupt" : "a DMA"}: ${wordsOf(reason, dump)}. ${advice.usually}`,
    evidence: joined(
      who,
      `fault reason ${hex(code!)}`,
      dump?.evidence ?? "",
      fault.interrupt ? "" : addressHint(fault),
      fault.interrupt || reason.kind === "no-entry" ? platformId(fault) : "",
    ),
    do: advice.do,
    ...device,
  };
  return withFirmware(verdict, advice.usually, firmwareSigns(fault, kind, machine, where), where);
}

const wordsOf = (reason: FaultReason, dump: DumpSays | null): string =>
  dump === null || dump.words === "" ? reason.words : `${reason.words} - ${dump.words}`;

/** I/O APICs and HPETs send interrupts under ids that firmware's DMAR table gives them, and that no function has. */
const platformId = ({ device }: LogFault): string =>
  /^(?:0000:)?(?:f[0-9a-f]:|00:1[ef]\.)/.test(device ?? "")
    ? "an I/O APIC or HPET has such an id of its own, which lspci does not list (DMAR's scopes name it)"
    : "";

/** Xen and old kernels write the reason into the next line; a console may cut it off. */
function reasonMissing(fault: LogFault, who: string, machine: MachineContext): Diagnosis {
  const where = circumstanceOf(fault, machine);
  const signs = fault.interrupt ? null : firmwareSigns(fault, "unmapped-or-permission", machine, where);
  return {
    kind: "dmar-unknown",
    cause:
      `The IOMMU (VT-d) refused ${fault.interrupt ? "an interrupt" : "a DMA"}, and why cannot be told from this line` +
      `${fault.interrupt ? "." : ": mostly it is that nothing is mapped at the address for such an access."}`,
    evidence: joined(who, "the line carries no reason; the next line of the log may", ...(signs?.words ?? [])),
    do: `Give the whole log, or the following line.${signs === null ? "" : ` ${firmwareAdvice(signs, where)}`}`,
    ...(fault.device === null ? {} : { device: fault.device }),
  };
}

function unknownReason(code: number, evidence: string, device: { device?: string }): Diagnosis {
  return {
    kind: "dmar-unknown",
    cause: "The IOMMU (VT-d) refused an access for a reason that no published table has.",
    evidence: joined(evidence, `reason ${hex(code)} is reserved or newer than this table (VT-d 4.1)`),
    do: "Look the number up in the newest VT-d specification; if it is reserved there, too, report device, processor model and line to the IOMMU driver's developers.",
    ...device,
  };
}

function whatWasTried(f: LogFault): string {
  if (f.device === null) return "";
  const at = f.address === null ? "an address that is cut off" : hex(f.address);
  if (f.interrupt) return `device ${f.device} sent an interrupt with index ${at}`;
  const pasid = f.pasid === null ? "" : ` with PASID ${hex(f.pasid)}`;
  return `device ${f.device} tried to ${f.write === null ? "reach" : f.write ? "write to" : "read from"} ${at}${pasid}`;
}

/** "DRHD: handling fault status reg 2": the register's bits. */
function status(fault: LogFault): Diagnosis {
  const value = fault.flags ?? 0;
  if (value === 0xffffffff) return silentVtd("the fault status register reads 0xffffffff, all ones", "");
  const said = Object.entries(faultStatusBits)
    .filter(([bit]) => (value >>> Number(bit)) & 1)
    .map(([, words]) => words);
  return {
    kind: "dmar-status",
    cause: "The IOMMU (VT-d) reports faults; the lines that follow it in a whole log name them.",
    evidence: `status register ${hex(value)}: ${said.join("; ") || "no bit that is defined"}`,
    do: "Read the fault lines that follow; where there are none, the kernel's rate limit left them out.",
    ...((value & 3) === 0 ? { notice: true } : {}),
  };
}

/** A second-stage entry: R 0, W 1, address 51:12. */
function mappedTwice(fault: LogFault, machine: MachineContext): Diagnosis {
  const page = fault.address ?? 0n,
    was = valueNamed(fault, "was") ?? 0n,
    asked = valueNamed(fault, "asked") ?? 0n;
  const target = (entry: bigint): bigint => entry & 0xffffffffff000n;
  const rights = (entry: bigint): string => ["no access", "read", "write", "read and write"][Number(entry & 3n)]!;
  const named = machine.reserved.find((r) => page >= r.from && page < r.to);
  const [cause, advice] = twiceWords(page, target(was), (was & 3n) !== 0n, was === asked);
  return {
    kind: "dmar-mapped-twice",
    cause,
    evidence: joined(
      `entry so far ${hex(was)}: to ${hex(target(was))}, ${rights(was)}`,
      `asked for ${hex(asked)}: to ${hex(target(asked))}, ${rights(asked)}`,
      named === undefined ? "" : `this log calls that page ${reservedWords[named.by]}`,
    ),
    do: advice,
  };
}

/** @param allowed the entry that was there lets reads or writes pass. @param same it is the one that was asked for. */
function twiceWords(page: bigint, was: bigint, allowed: boolean, same: boolean): readonly [string, string] {
  const at = `The page ${hex(page)} of the device's addresses`;
  if (!allowed) {
    return [
      `${at} was to be mapped, and its entry was not empty although it lets nothing pass: the table's memory was overwritten, or what an unmapping left behind.`,
      "Look for memory errors (EDAC, MCE), and report it to the IOMMU driver's developers with the lines before it.",
    ];
  }
  if (same) {
    return [
      `${at} was mapped again to the same memory with the same rights: the device reaches what it should, and the bookkeeping of who maps is wrong (two owners, or an unmapping that did not reach the table).`,
      "Report it to the IOMMU driver's developers, with what maps: a device given to a guest (VFIO), or a driver.",
    ];
  }
  if (was === page) {
    return [
      `${at} was handed out for a buffer although it is already mapped to itself: an identity mapping that firmware demands (RMRR), or that was made when the device was attached, and that the allocator of addresses does not know as taken.`,
      "Compare the page with the RMRR lines at boot (DMAR: RMRR base …) and report both to the IOMMU driver's developers: the device may now reach the wrong memory there. Update the firmware.",
    ];
  }
  return [
    `${at} was mapped again while the old mapping was still there: the same address was handed out twice, or an unmapping did not reach the table.`,
    "Report it to the IOMMU driver's developers with the lines before it: an access of the device may now reach the wrong memory.",
  ];
}

function tooNarrow(fault: LogFault): Diagnosis {
  const address = fault.address ?? 0n;
  const needs = address.toString(2).length;
  return {
    kind: "dmar-address-width",
    cause:
      `The kernel was asked to map the device address ${hex(address)}, which needs ${needs} bits, and the unit translates ` +
      `${fault.code}. The mapping was refused. Mostly a guest whose memory map is wider than the unit (VFIO), or a driver ` +
      "that maps an address of its own choice.",
    evidence: `unit or domain: ${fault.code} bits; address ${hex(address)}: ${needs} bits`,
    do:
      `For a guest, limit its physical addresses to ${fault.code} bits (QEMU: -cpu host,host-phys-bits-limit=${fault.code}) or ` +
      "give it less memory; otherwise report the driver that maps.",
  };
}

function strangeRegion(fault: LogFault): Diagnosis {
  const from = valueNamed(fault, "from") ?? 0n,
    to = valueNamed(fault, "to") ?? 0n;
  return {
    kind: "dmar-rmrr",
    cause:
      "Firmware's DMAR table demands that devices keep reaching a range (RMRR) which its own memory map does not reserve: " +
      "the table and the map disagree. The kernel says so and goes on.",
    evidence: `RMRR ${hex(from)} to ${hex(to)}, ${bytesInWords(Number(to - from + 1n))}, lies in no range that the memory map reserves`,
    do: "Update the firmware. Nothing has failed by this line alone.",
    notice: true,
  };
}

function ineligible(fault: LogFault): Diagnosis {
  return {
    kind: "dmar-rmrr-device",
    cause:
      "The device was not given away: firmware demands that it keeps reaching a range of its own (RMRR), mostly for the " +
      "board's management, and a guest's tables would take that from it. The kernel refuses such devices.",
    evidence: joined(fault.device === null ? "" : `device ${fault.device}`, "an RMRR names the device"),
    do: "Switch off in the firmware's setup what uses the device (some makers have a tool that takes a slot out of the RMRR), or put it into another slot. No option of the kernel allows it; kernels patched to do so let firmware's DMA into the guest's memory.",
    ...(fault.device === null ? {} : { device: fault.device }),
  };
}

const addressZero: Diagnosis = {
  kind: "dmar-firmware",
  cause: "Firmware's DMAR table lists a unit at address 0: that unit is not used, and remapping stays off.",
  evidence: "a unit at address zero",
  do: "Update the firmware, or switch VT-d off and on in its setup.",
};

const unreadTable: Diagnosis = {
  kind: "dmar-firmware",
  cause: "The kernel could not use firmware's DMAR table: remapping of DMA and interrupts stays off.",
  evidence: "the table was not parsed; a line before this one may say what is wrong in it",
  do: "Update the firmware, or switch VT-d off and on in its setup.",
};

const lostRequests: Diagnosis = {
  kind: "dmar-lost",
  cause:
    "The queue of page requests overflowed: devices asked for pages (PRI) faster than the kernel answered, and requests were lost.",
  evidence: "PRQ overflow",
  do: "Look which device sends so many: a device whose process has ended, or memory that is reclaimed as fast as it is asked for.",
};

function pageRequest(fault: LogFault): Diagnosis {
  const who = whatWasTried(fault);
  return {
    kind: "dmar-request-type",
    cause:
      "A device asked for a page (PRI) and the kernel answered that it may not: the PASID is not bound, was just unbound, or " +
      "the request has none or a right that no process has.",
    evidence: joined(`${fault.by}: ${fault.says}`, who),
    do: "Look what ended or was detached at that moment: the device still works for a process that is gone, or its driver did not drain it.",
    ...(fault.device === null ? {} : { device: fault.device }),
  };
}

function remappingOff(fault: LogFault): Diagnosis {
  const ids = fault.values.filter(([name]) => name === "ioapic").map(([, id]) => id);
  return {
    kind: "dmar-intremap-off",
    cause:
      "Interrupt remapping stays off, because firmware's DMAR table does not cover the machine: devices can raise any " +
      "interrupt, and giving one to a guest (VFIO) is not safe.",
    evidence: ids.length === 0 ? "the kernel says so" : `no unit for I/O APIC ${ids.join(", ")}`,
    do: "Update the firmware. The table has to name each I/O APIC.",
  };
}
