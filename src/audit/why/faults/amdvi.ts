/**
 * Event lines of the AMD IOMMU: "AMD-Vi: Event logged [NAME device=… domain=… address=… flags=…]".
 *
 * Where the line begins with driver and device, the bracket names no device. Source: Linux drivers/iommu/amd/iommu.c
 * (iommu_print_event, amd_iommu_report_page_fault).
 */
import { type FaultFlag, faultEvents, pageFaultFlags, requestFlags } from "../../../spec/amdvi/fault_events.js";
import type { FaultKind } from "../../../spec/dma/fault_kind.js";
import type { Verdict } from "../finding.js";
import { addressHintOf, faultAdvice, joined } from "./advice.js";

const event = /AMD-Vi: Event logged \[([A-Z_]{3,40})([^\]]{0,300})\]?/;
const field = /([A-Za-z_]{2,12})\s?=\s?(?:0x)?([0-9a-f:.]{1,20})/g;
const FlagBit = {
  present: 0x10,
  write: 0x20,
  noPermission: 0x40,
  reserved: 0x80,
  interrupt: 0x8,
  translation: 0x100,
} as const;

/** @returns null for another line. */
export function explainAmdvi(text: string): Verdict | null {
  if (/AMD-Vi: Completion-Wait loop timed out/.test(text)) return completionTimeout;
  const m = event.exec(text);
  if (m === null) return null;
  const fields = new Map([...m[2]!.matchAll(field)].map((f) => [f[1]!.toLowerCase(), f[2]!]));
  const name = m[1]!,
    known = faultEvents[name],
    device = fields.get("device");
  const where = joined(
    ...["device", "domain", "pasid", "address", "gpa", "spa"].map((k) =>
      fields.has(k) ? `${k} ${asRead(k, fields.get(k)!)}` : "",
    ),
  );
  const named = device === undefined ? {} : { device };
  if (known === undefined) {
    return {
      kind: "amdvi-unknown",
      cause: "The IOMMU (AMD-Vi) reports an event that this table does not know.",
      evidence: joined(name, where),
      do: "Look the event up in AMD's specification 48882, section 2.5.",
      ...named,
    };
  }
  const flags = fields.has("flags") ? Number.parseInt(fields.get("flags")!, 16) : null;
  const pageFault = name === "IO_PAGE_FAULT";
  const verdict = pageFault && flags !== null ? pageFaultKind(flags) : known;
  const advice = faultAdvice[verdict.kind];
  const address = fields.get("address");
  return {
    kind: `amdvi-${verdict.kind}`,
    cause: `The IOMMU (AMD-Vi) reports ${name}: ${verdict.words}. ${advice.usually}`,
    evidence: joined(
      where,
      flags === null ? "" : flagsInWords(flags, pageFault ? pageFaultFlags : requestFlags, pageFault),
      address === undefined ? "" : addressHintOf(address),
    ),
    do: advice.do,
    ...named,
  };
}

const asRead = (key: string, value: string): string =>
  key === "device" ? value : `0x${value.replace(/^0+(?=.)/, "")}`;

/** Section 2.5.3: PR says whether there is an entry; PE and RZ say what was wrong with it. */
function pageFaultKind(flags: number): { readonly kind: FaultKind; readonly words: string } {
  if ((flags & FlagBit.interrupt) !== 0) return { kind: "interrupt", words: "an interrupt was refused" };
  if ((flags & FlagBit.translation) !== 0 && (flags & FlagBit.present) === 0) {
    return {
      kind: "unmapped",
      words: "the device asked for the translation (ATS) of an address where nothing is mapped",
    };
  }
  if ((flags & FlagBit.present) === 0)
    return { kind: "unmapped", words: "the device used an address where nothing is mapped" };
  if ((flags & FlagBit.reserved) !== 0)
    return { kind: "bad-table", words: "reserved bits are set in an entry on the way to the page" };
  const access =
    (flags & FlagBit.translation) !== 0 ? "this access" : (flags & FlagBit.write) !== 0 ? "writing" : "reading";
  return { kind: "permission", words: `the page is mapped, but not for ${access}` };
}

/** RW is defined only for a present page (PR = 1), no interrupt and no translation request: said only there. */
function flagsInWords(flags: number, table: readonly FaultFlag[], pageFault: boolean): string {
  const readOrWriteKnown =
    !pageFault || (flags & (FlagBit.present | FlagBit.interrupt | FlagBit.translation)) === FlagBit.present;
  const said: string[] = [];
  for (const f of table) {
    const set = ((flags >>> f.bit) & 1) === 1;
    if (f.name === "RW" && !readOrWriteKnown) {
      if (set) said.push("RW: set, undefined where no page is present");
      continue;
    }
    const words = set ? f.set : f.clear;
    if (words !== null) said.push(`${f.name}: ${words}`);
  }
  const known = table.reduce((bits, f) => bits | (1 << f.bit), 0);
  if ((flags & ~known) !== 0) said.push(`bits 0x${((flags & ~known) >>> 0).toString(16)} not decoded`);
  return `flags 0x${flags.toString(16)}${said.length === 0 ? "" : ` (${said.join(", ")})`}`;
}

const completionTimeout: Verdict = {
  kind: "amdvi-command",
  cause: `The IOMMU (AMD-Vi) did not finish its commands in time. ${faultAdvice.command.usually}`,
  evidence: "the kernel waited for a COMPLETION_WAIT command and gave up",
  do: faultAdvice.command.do,
};
