/**
 * Event lines of an Arm SMMUv3.
 *
 * "event 0x10 received:" and four lines with one 64-bit word each; kernels since 6.13 add two decoded lines,
 * "event: F_TRANSLATION client: … sid: … ssid: … iova: … ipa: …" and what was tried.
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_dump_raw_event, arm_smmu_dump_event).
 */
import { type FaultEvent, faultEvents, globalErrorBits, recordFields } from "../../../spec/smmuv3/fault_events.js";
import type { Verdict } from "../finding.js";
import { hex } from "../words.js";
import { addressHint, addressHintOf, faultAdvice, joined } from "./advice.js";

const received = /\bevent 0x([0-9a-f]{1,2}) received:/;
/** Alone, or after the unit's own name. */
const word = /(?:^|: ?)\s*0x([0-9a-f]{16})\s*$/;
const decoded = new RegExp(
  [
    /\bevent: ([A-Z_]{3,24}) client: (\(unassigned sid\)|[\w:.-]{1,60}) /,
    /sid: (?:0x)?([0-9a-f]{1,8}) ssid: (?:0x)?([0-9a-f]{1,8})(?: (iova|fetch_addr): (?:0x)?([0-9a-f]{1,16}))?/,
  ]
    .map((part) => part.source)
    .join(""),
);
const tried = /\b(priv|unpriv) (inst|data) (read|write) (s1|s2) "/;
const globalError = /unexpected global error reported \(0x([0-9a-f]{1,8})\)/;
const commandError = /CMDQ error \(cons 0x[0-9a-f]{1,8}\): ([\w ]{3,40})/;

/** @returns the event's number when a raw record begins here, else null. */
export function smmuRecordBegin(text: string): number | null {
  const m = received.exec(text);
  return m === null ? null : Number.parseInt(m[1]!, 16);
}

/** @returns the 64-bit word of a line of a raw record, as [high, low] halves, else null. */
export function smmuRecordWord(text: string): readonly [number, number] | null {
  const m = word.exec(text);
  if (m === null) return null;
  return [Number.parseInt(m[1]!.slice(0, 8), 16), Number.parseInt(m[1]!.slice(8), 16)];
}

/** @returns what the second decoded line says was tried, else null. */
export function smmuTried(text: string): string | null {
  const m = tried.exec(text);
  if (m === null) return null;
  return (
    `${m[1] === "priv" ? "a privileged" : "an unprivileged"} ${m[3]} of ` +
    `${m[2] === "inst" ? "instructions" : "data"}, stage ${m[4]!.slice(1)}`
  );
}

/** A raw record. @param words as many of its four words as the log has. */
export function explainSmmuRecord(code: number, words: readonly (readonly [number, number])[]): Verdict {
  const event = faultEvents[code];
  if (words.length < 2)
    return verdict(event, code, "the record's words are missing: give the lines that follow, too", {});
  const [high0, low0] = words[0]!,
    [high1, low1] = words[1]!,
    address = words[2];
  const f = recordFields(low0, high0, low1, high1);
  const parts = [
    `stream ${hex(f.stream)}${pciOfStream(f.stream)}`,
    f.substream === null ? "" : `substream ${hex(f.substream)}`,
  ];
  if (event?.address === "input") {
    if (address !== undefined) parts.push(`address ${hex64(address)}`);
    parts.push(
      `${f.privileged ? "a privileged" : "an unprivileged"} ${f.write ? "write" : "read"} of ` +
        `${f.instruction ? "instructions" : "data"}, stage ${f.stage2 ? 2 : 1}`,
    );
    if (f.during === "context descriptor" || f.during === "page table")
      parts.push(`it failed while the ${f.during} was read`);
    if (f.stalled) parts.push("the device waits (stalled)");
    if (address !== undefined) parts.push(addressHint(address[0], address[1]));
  } else if (event?.address === "fetch" && words[3] !== undefined) {
    parts.push(`reading the table at ${hex64(words[3])}`);
  }
  return verdict(event, code, joined(...parts), { device: `stream ${hex(f.stream)}` });
}

/** One of the other lines: decoded event, global error, refused command. @returns null for any other line. */
export function explainSmmuLine(text: string): Verdict | null {
  const m = decoded.exec(text);
  if (m !== null) {
    const code = Object.keys(faultEvents)
      .map(Number)
      .find((c) => faultEvents[c]!.name === m[1]);
    const assigned = !m[2]!.startsWith("(");
    const stream = Number.parseInt(m[3]!, 16);
    const where = m[6] === undefined ? "" : `${m[5] === "iova" ? "address" : "reading the table at"} 0x${m[6]}`;
    const evidence = joined(
      assigned ? `device ${m[2]}` : "the stream belongs to no device the kernel knows",
      `stream 0x${m[3]}${assigned ? "" : pciOfStream(stream)}`,
      m[4] === "0" ? "" : `substream 0x${m[4]}`,
      where,
      m[5] === "iova" ? addressHintOf(m[6]!) : "",
    );
    return verdict(code === undefined ? undefined : faultEvents[code], code ?? null, evidence, {
      device: assigned ? m[2]! : `stream ${hex(stream)}`,
    });
  }
  const global = globalError.exec(text);
  if (global !== null) return globalVerdict(Number.parseInt(global[1]!, 16));
  const command = commandError.exec(text);
  if (command === null && !/CMD_SYNC timeout at/.test(text)) return null;
  const evidence =
    command === null ? "the kernel waited for a CMD_SYNC and gave up" : `the unit says: ${command[1]!.trim()}`;
  return {
    kind: "smmuv3-command",
    cause: `The SMMU did not carry out a command. ${faultAdvice.command.usually}`,
    evidence,
    do: faultAdvice.command.do,
  };
}

function verdict(
  event: FaultEvent | undefined,
  code: number | null,
  evidence: string,
  device: { device?: string },
): Verdict {
  if (event === undefined) {
    const what =
      code === null ? "its name is not in this table" : `event ${hex(code)} is reserved or newer than this table`;
    return {
      kind: "smmuv3-unknown",
      cause: "The SMMU reports an event that this table does not know.",
      evidence: joined(what, evidence),
      do: "Look the event up in Arm's specification IHI 0070, section 7.3.",
      ...device,
    };
  }
  const advice = faultAdvice[event.kind];
  return {
    kind: `smmuv3-${event.kind}`,
    cause: `The SMMU reports ${event.name}: ${event.words}. ${advice.usually}`,
    evidence,
    do: advice.do,
    ...device,
  };
}

function globalVerdict(bits: number): Verdict {
  const said = Object.entries(globalErrorBits)
    .filter(([bit]) => (bits >>> Number(bit)) & 1)
    .map(([, words]) => words);
  return {
    kind: "smmuv3-global",
    cause: "The SMMU reports an error that concerns the whole unit.",
    evidence: `global error 0x${bits.toString(16)}: ${said.join("; ") || "no bit that is defined"}`,
    do: faultAdvice.command.do,
  };
}

/** A PCI device's stream is its requester id on most machines; firmware may shift it: a guess, and said as one. */
function pciOfStream(stream: number): string {
  if (stream > 0xffff) return "";
  const bus = (stream >>> 8).toString(16).padStart(2, "0"),
    slot = ((stream >>> 3) & 31).toString(16).padStart(2, "0");
  return ` (PCI ${bus}:${slot}.${stream & 7} if streams are requester ids here)`;
}

function hex64([high, low]: readonly [number, number]): string {
  return high === 0 ? hex(low) : `0x${high.toString(16)}${low.toString(16).padStart(8, "0")}`;
}
