/** Why an AMD IOMMU refused, and what to do. */
import { hex } from "../../../base/hex.js";
import { type LogFault, valueNamed } from "../../../read/index.js";
import {
  commandNames,
  type FaultFlag,
  faultEvents,
  hardwareErrors,
  invalidRequestOf,
  pageFaultFlags,
  requestFlags,
} from "../../../spec/amdvi/fault_events.js";
import type { FaultKind } from "../../../spec/dma/fault_kind.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import { type AdviceKey, addressHint, adviceFor, circumstanceOf, type FaultAdvice, joined } from "./advice.js";
import { dumpedEntry } from "./device_entry.js";
import { firmwareSigns, withFirmware } from "./firmware.js";

const FlagBit = {
  interrupt: 0x8,
  present: 0x10,
  write: 0x20,
  noPermission: 0x40,
  reserved: 0x80,
  translation: 0x100,
} as const;

export function explainAmdvi(fault: LogFault, machine: MachineContext): Diagnosis | null {
  if (fault.topic === "intremap-off") return remappingOff(fault);
  if (fault.topic === "lost") return lostEvents(fault);
  if (fault.topic === "command") return command(fault, machine);
  const known = faultEvents[fault.says];
  const device = fault.device === null ? {} : { device: fault.device };
  if (fault.says === "") return headAlone;
  if (known === undefined) {
    return {
      kind: "amdvi-unknown",
      cause: "The IOMMU (AMD-Vi) reports an event that this table does not know.",
      evidence: joined(fault.says, whereOf(fault)),
      do: "Look the event up in AMD's specification 48882, section 2.5.",
      ...device,
    };
  }
  const judged = judge(fault, known);
  const where = circumstanceOf(fault, machine);
  const advice = judged.advice ?? adviceFor(judged.kind, where);
  const verdict: Diagnosis = {
    kind: `amdvi-${judged.kind}`,
    cause: `The IOMMU (AMD-Vi) reports ${fault.says}: ${judged.words}. ${advice.usually}`,
    evidence: joined(
      whereOf(fault),
      flagsOf(fault),
      judged.evidence ?? "",
      judged.kind === "bad-table" ? "" : addressHint(fault),
    ),
    do: advice.do,
    ...device,
  };
  return withFirmware(verdict, advice.usually, firmwareSigns(fault, judged.kind, machine, where), where);
}

interface Judged {
  readonly kind: FaultKind;
  readonly words: string;
  /** Where the kind's own advice does not fit. */
  readonly advice?: FaultAdvice;
  readonly evidence?: string;
}

function judge(fault: LogFault, known: { readonly kind: FaultKind; readonly words: string }): Judged {
  const { flags } = fault;
  switch (fault.says) {
    case "IO_PAGE_FAULT":
      return { ...(flags === null ? known : pageFault(flags)), evidence: fault.interrupt ? "" : walkedTo(fault) };
    case "INVALID_DEVICE_REQUEST":
      return flags === null ? { ...known, advice: anyRequest } : invalidRequest(fault, flags);
    case "ILLEGAL_DEV_TABLE_ENTRY":
      return illegalEntry(fault, known);
    case "DEV_TAB_HARDWARE_ERROR":
    case "PAGE_TAB_HARDWARE_ERROR":
      return { ...known, evidence: hardwareErrors[((flags ?? 0) >>> 9) & 3] ?? "" };
    default:
      return known;
  }
}

/** The walk that Xen prints: bit 0 of an entry says that there is one. */
function walkedTo(fault: LogFault): string {
  const last = fault.values.findLast(([name]) => name.startsWith("level."));
  if (last === undefined) return "";
  const [name, entry] = last;
  const level = name.slice("level.".length);
  return (entry & 1n) === 0n
    ? `the dump finds no entry at level ${level}`
    : `the dump shows ${hex(entry)} at level ${level}, present`;
}

/** Section 2.5.3: PR says whether there is an entry; PE and RZ say what was wrong with it. */
function pageFault(flags: number): Judged {
  const present = (flags & FlagBit.present) !== 0,
    translation = (flags & FlagBit.translation) !== 0;
  if ((flags & FlagBit.interrupt) !== 0) return { kind: "interrupt", words: "an interrupt was refused" };
  if (translation && !present) {
    return {
      kind: "unmapped",
      words: "the device asked for the translation (ATS) of an address where nothing is mapped",
    };
  }
  if (!present) return { kind: "unmapped", words: "the device used an address where nothing is mapped" };
  if ((flags & FlagBit.reserved) !== 0)
    return { kind: "bad-table", words: "reserved bits are set in an entry on the way to the page" };
  if ((flags & FlagBit.noPermission) === 0) return presentAndRefused;
  const access = translation ? "this access" : (flags & FlagBit.write) !== 0 ? "writing" : "reading";
  return { kind: "permission", words: `the page is mapped, but not for ${access}` };
}

/** PR without PE and RZ: what is wrong stands in none of the flags. */
const presentAndRefused: Judged = {
  kind: "unmapped-or-permission",
  words: "the access was refused, and the flags do not say why (present, with neither the permission flag PE nor RZ)",
  advice: {
    usually:
      "Either the device's own entry blocks its DMA, as for a device that no driver was attached to yet, or an entry of its page table has a level that cannot be.",
    do: "Say which driver was bound or unbound at that moment. If the device is at work, report it to the IOMMU driver's developers; a memory image holds the entries as they were.",
  },
};

const anyRequest: FaultAdvice = {
  usually: "The device's entry in the device table does not let such a request pass.",
  do: "Report device, firmware version and line to the maker of the board and to the IOMMU driver's developers.",
};

/** Interrupts come from a device whose entry blocks them: nobody set its interrupts up. */
function interruptBlocked(fault: LogFault): FaultAdvice {
  const root = /(?:^|:)00:00\.0$/.test(fault.device ?? "")
    ? "Device 00:00.0 is the root complex itself: an interrupt or EOI message of its own, mostly while graphics are reset or at suspend. "
    : "A device sent an interrupt before the kernel set its interrupts up, or after it took them away (reset, suspend, a driver's end). ";
  return {
    usually: `${root}A single one is harmless; ATS has no part in it.`,
    do: "Nothing, as long as it stays single and nothing hangs. If it comes again and again, update the firmware and report which device was reset or suspended at that moment.",
  };
}

function invalidRequest(fault: LogFault, flags: number): Judged {
  const request = invalidRequestOf(flags);
  const evidence = `type ${((flags >>> 9) & 7).toString(2).padStart(3, "0")}b, TR ${(flags >>> 8) & 1}`;
  if (request === null) {
    return { kind: "request-type", words: "a request of a reserved type", advice: anyRequest, evidence };
  }
  const words = `the device sent ${request.words}`;
  if (request.ats) return { kind: "request-type", words, evidence };
  return {
    kind: request.kind,
    words,
    advice: request.kind === "interrupt-range" ? interruptBlocked(fault) : anyRequest,
    evidence,
  };
}

/** Section 2.5.2: RZ 1 is a reserved bit that is set, 0 a level or mode that cannot be. */
function illegalEntry(fault: LogFault, known: Judged): Judged {
  const dump = dumpedEntry(fault);
  const what =
    fault.flags === null
      ? ""
      : (fault.flags & FlagBit.reserved) !== 0
        ? "a reserved bit of the entry is set (RZ 1)"
        : "no reserved bit is set (RZ 0): a mode or level that the unit does not take";
  if (dump === null) return { ...known, evidence: what };
  const passThrough = dump.passThrough
    ? {
        advice: {
          usually:
            "The entry lets the device pass untranslated (Mode 0). Units that guard SEV-SNP guests refuse that: with SNP enabled every device needs a translated domain.",
          do: "Give the device a translated domain: take iommu=pt (iommu.passthrough=1) off the command line, or write DMA to the group's type in sysfs. If SNP is not wanted, switch it off in the firmware's setup. Otherwise report it with the entry.",
        },
      }
    : {};
  return {
    ...known,
    ...passThrough,
    words: `${known.words}${dump.passThrough ? " (Mode 0, untranslated)" : ""}`,
    evidence: joined(what, dump.words),
  };
}

function command(fault: LogFault, machine: MachineContext): Diagnosis {
  const key: AdviceKey =
    fault.says === "ILLEGAL_COMMAND_ERROR"
      ? "command-refused"
      : fault.says === "COMMAND_HARDWARE_ERROR"
        ? "command-unread"
        : fault.says === "IOTLB_INV_TIMEOUT"
          ? "no-answer"
          : "command";
  const advice = adviceFor(key, circumstanceOf(fault, machine));
  const known = faultEvents[fault.says];
  const cause =
    known === undefined
      ? "The IOMMU (AMD-Vi) did not finish its commands in time."
      : `The IOMMU (AMD-Vi) reports ${fault.says}: ${known.words}.`;
  const second = valueNamed(fault, "CMD.1");
  const name = second === null ? "" : (commandNames[Number(second >> 28n)] ?? "no command that is defined");
  const dumped = [0, 1, 2, 3].map((i) => valueNamed(fault, `CMD.${i}`)).filter((word) => word !== null);
  return {
    kind: "amdvi-command",
    cause: `${cause} ${advice.usually}`,
    evidence:
      joined(
        fault.device === null ? "" : `device ${fault.device}`,
        fault.address === null ? "" : `the command lies at ${hex(fault.address)}`,
        key === "command-unread" ? (hardwareErrors[((fault.flags ?? 0) >>> 9) & 3] ?? "") : "",
        second === null ? "" : `it is ${dumped.map((w) => hex(w)).join(" ")}: ${name}`,
      ) ||
      (fault.says === "COMPLETION_WAIT"
        ? "the kernel waited for a COMPLETION_WAIT command and gave up"
        : "the kernel waited for room in the command buffer and gave up"),
    do: advice.do,
    remedy: `amdvi-command ${key === "no-answer" || fault.says === "COMPLETION_WAIT" ? "wait" : key}`,
    ...(fault.says === "COMPLETION_WAIT"
      ? { vague: "The kernel's waits for its commands ended without an answer as well (COMPLETION_WAIT)" }
      : {}),
    ...(fault.device === null ? {} : { device: fault.device }),
  };
}

/** Xen prints its own number of the domain that owns the device. */
const xenDomain = (id: bigint | null): string => (id === null ? "" : `of domain d${id}${id === 0n ? " (dom0)" : ""}`);

function whereOf(fault: LogFault): string {
  const named = (name: string): string => {
    const value = valueNamed(fault, name);
    return value === null ? "" : `${name} ${hex(value)}`;
  };
  return joined(
    fault.device === null ? "" : `device ${fault.device}`,
    fault.xen ? xenDomain(valueNamed(fault, "domain")) : named("domain"),
    !fault.xen && valueNamed(fault, "domain") === 0n
      ? "domain 0 is none of the kernel's own: the device was not attached yet, or no more"
      : "",
    fault.pasid === null || fault.pasid === 0 ? "" : `pasid ${hex(fault.pasid)}`,
    named("vmg_tag"),
    fault.address === null ? "" : `address ${hex(fault.address)}`,
    named("flags_rmp"),
  );
}

function flagsOf(fault: LogFault): string {
  const { flags, says } = fault;
  if (flags === null) return "";
  if (says === "INVALID_DEVICE_REQUEST" || says.startsWith("RMP")) return `flags ${hex(flags)}`;
  const page = says === "IO_PAGE_FAULT";
  return flagsInWords(flags, page ? pageFaultFlags : requestFlags, page, says.endsWith("HARDWARE_ERROR") ? 0x600 : 0);
}

/** RW is defined only for a present page (PR = 1), no interrupt and no translation request: said only there. */
function flagsInWords(flags: number, table: readonly FaultFlag[], pageFault: boolean, elsewhere: number): string {
  const readOrWriteKnown =
    !pageFault || (flags & (FlagBit.present | FlagBit.interrupt | FlagBit.translation)) === FlagBit.present;
  const said: string[] = [];
  for (const f of table) {
    const set = ((flags >>> f.bit) & 1) === 1;
    if (pageFault && (flags & FlagBit.interrupt) !== 0 && (f.name === "PR" || f.name === "RW")) continue;
    if (f.name === "RW" && !readOrWriteKnown) {
      if (set) said.push("RW: set, undefined where no page is present");
      continue;
    }
    const words = set ? f.set : f.clear;
    if (words !== null) said.push(`${f.name}: ${words}`);
  }
  const known = table.reduce((bits, f) => bits | (1 << f.bit), elsewhere);
  if ((flags & ~known) !== 0) said.push(`bits ${hex((flags & ~known) >>> 0)} not decoded`);
  return `flags ${hex(flags)}${said.length === 0 ? "" : ` (${said.join(", ")})`}`;
}

const headAlone: Diagnosis = {
  kind: "amdvi-unknown",
  cause:
    "The IOMMU (AMD-Vi) reports an event, and which one stands on the next line: kernels 4.9 to 4.18 break the message there, and the second half carries no AMD-Vi.",
  evidence: "the line ends after the bracket",
  do: "Give the whole log, not only the lines that a search for AMD-Vi finds.",
};

function lostEvents(fault: LogFault): Diagnosis {
  return {
    kind: "amdvi-lost",
    cause:
      "The IOMMU (AMD-Vi) could not report every event: more faults came than the kernel's log has room for, or one was not written.",
    evidence: fault.says === "events" ? "the event log overflowed" : fault.says,
    do: "Look at the faults that were reported: the same device mostly goes on without end.",
  };
}

function remappingOff(fault: LogFault): Diagnosis {
  const ids = fault.values.filter(([name]) => name === "ioapic").map(([, id]) => id.toString());
  return {
    kind: "amdvi-intremap-off",
    cause:
      "Interrupt remapping stays off, because firmware's IVRS table does not name the machine's I/O APICs (or names them " +
      "wrongly): devices can raise any interrupt, and giving one to a guest (VFIO) is not safe.",
    evidence:
      ids.length === 0
        ? "the kernel found no I/O APIC of the southbridge (00:14.0) in the table"
        : `I/O APIC ${ids.join(" and ")} ${ids.length === 1 ? "is" : "are"} not in the IVRS table`,
    do:
      "Update the firmware. Until then the kernel can be told: " +
      `${(ids.length === 0 ? ["ID"] : ids).map((id) => `ivrs_ioapic[${id}]=BUS:DEVICE.FUNCTION`).join(" ")} on the command line ` +
      "(the southbridge's is 00:14.0; since 6.1 also ivrs_ioapic=ID@0000:00:14.0); the ids are those of the MADT.",
  };
}
