/** Why an SMMUv3 refused, and what to do. */

import { hex } from "../../../base/hex.js";
import { type LogFault, valueNamed } from "../../../read/index.js";
import { functionName } from "../../../spec/pcie/requester.js";
import { CommandError, commandNames } from "../../../spec/smmuv3/commands.js";
import { type FaultEvent, faultEvents, globalErrorBits, recordFields } from "../../../spec/smmuv3/fault_events.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import { type AdviceKey, addressHint, adviceFor, circumstanceOf, isDoorbell, joined } from "./advice.js";
import { firmwareSigns, withFirmware } from "./firmware.js";

export function explainSmmuv3(fault: LogFault, machine: MachineContext): Diagnosis | null {
  switch (fault.topic) {
    case "access":
      return fault.says === "PRI" ? pageRequest(fault) : event(fault, machine);
    case "command":
      return fault.says === "GERROR" ? global(fault, machine) : command(fault, machine);
    case "lost":
      return lost(fault);
    default:
      return null;
  }
}

function event(fault: LogFault, machine: MachineContext): Diagnosis {
  const known = fault.code === null ? undefined : faultEvents[fault.code];
  const device = fault.device ?? (fault.stream === null ? null : `stream ${hex(fault.stream)}`);
  const named = device === null ? {} : { device };
  const evidence = evidenceOf(fault, known);
  if (known === undefined) {
    const what =
      fault.code === null
        ? `${fault.says} is not in this table`
        : `event ${hex(fault.code)} is reserved or newer than this table`;
    return {
      kind: "smmuv3-unknown",
      cause: "The SMMU reports an event that this table does not know.",
      evidence: joined(what, evidence),
      do: "Look the event up in Arm's specification IHI 0070, section 7.3.",
      ...named,
    };
  }
  const where = circumstanceOf(fault, machine);
  const doorbell = known.address === "input" && known.kind === "unmapped" && isDoorbell(fault);
  const key: AdviceKey = doorbell ? "doorbell" : known.kind === "no-entry" ? "no-stream" : known.kind;
  const advice = adviceFor(key, where);
  const verdict: Diagnosis = {
    kind: `smmuv3-${doorbell ? "doorbell" : known.kind}`,
    cause: `The SMMU reports ${known.name}: ${known.words}. ${advice.usually}`,
    evidence,
    do: advice.do,
    ...named,
  };
  const signs = doorbell ? null : firmwareSigns(fault, known.kind, machine, where);
  return withFirmware(verdict, advice.usually, signs, where);
}

function evidenceOf(fault: LogFault, known: FaultEvent | undefined): string {
  const words = fault.values.flatMap(([name, value]) => (name === "word" ? [value] : []));
  const record = words.length >= 2 ? fieldsOf(words) : null;
  const decoded = valueNamed(fault, "decoded") !== null;
  const unassigned = valueNamed(fault, "unassigned") !== null;
  const input = known?.address === "input";
  const fetch = valueNamed(fault, "fetch") ?? (known?.address === "fetch" ? (words[3] ?? null) : null);
  return joined(
    fault.device !== null ? `device ${fault.device}` : "",
    unassigned ? "the stream belongs to no device the kernel knows" : "",
    fault.stream === null ? "" : `stream ${hex(fault.stream)}${fault.device === null ? pciOfStream(fault.stream) : ""}`,
    fault.pasid === null ? "" : `substream ${hex(fault.pasid)}`,
    fault.address === null ? "" : `address ${hex(fault.address)}`,
    fetch === null ? "" : `reading the table at ${hex(fetch)}`,
    triedWords(fault, input ? record : null),
    input && record !== null ? duringWords(record.during) : "",
    record?.stalled === true ? "the device waits (stalled)" : "",
    addressHint(fault),
    isDoorbell({ ...fault, write: fault.write ?? true }) && fault.write === null
      ? "0x40 in a page is where the doorbells of interrupts lie: if it was a write, an MSI"
      : "",
    record === null && !decoded ? "the record's words are missing: give the lines that follow, too" : "",
  );
}

type Record3 = ReturnType<typeof recordFields>;

/** CLASS 0, a context descriptor, is not said: streams with one stage have it in each record. */
const duringWords = (during: Record3["during"]): string =>
  during === "page table" ? "it failed while the page table was read" : "";

function fieldsOf(words: readonly bigint[]): Record3 {
  const low = (value: bigint): number => Number(value & 0xffffffffn);
  return recordFields(low(words[0]!), low(words[0]! >> 32n), low(words[1]!), low(words[1]! >> 32n));
}

/** From the raw record, or from the decoded line. */
function triedWords(fault: LogFault, record: Record3 | null): string {
  const privileged =
    record?.privileged ?? (valueNamed(fault, "privileged") === null ? null : valueNamed(fault, "privileged") === 1n);
  if (privileged === null || fault.write === null) return "";
  const instruction = record?.instruction ?? valueNamed(fault, "instruction") === 1n;
  const stage = record === null ? Number(valueNamed(fault, "stage") ?? 1n) : record.stage2 ? 2 : 1;
  return (
    `${privileged ? "a privileged" : "an unprivileged"} ${fault.write ? "write" : "read"} of ` +
    `${instruction ? "instructions" : "data"}, stage ${stage}`
  );
}

/** A PCI device's stream is its requester id on most machines; firmware may shift it: a guess, and said as one. */
function pciOfStream(stream: number): string {
  return stream > 0xffff ? "" : ` (PCI ${functionName(stream)} if streams are requester ids here)`;
}

function global(fault: LogFault, machine: MachineContext): Diagnosis {
  const bits = fault.flags ?? 0;
  const said = Object.entries(globalErrorBits)
    .filter(([bit]) => (bits >>> Number(bit)) & 1)
    .map(([, words]) => words);
  const evidence = `global error ${hex(bits)}: ${said.join("; ") || "no bit that is defined"}`;
  if (fault.code !== null || bits === 1) {
    const why = command(fault, machine);
    return { ...why, evidence: joined(evidence, fault.code === null ? "" : why.evidence) };
  }
  const advice = adviceFor((bits & 0x1) !== 0 ? "command" : "command-unread", circumstanceOf(fault, machine));
  const queue = (bits & 0x1fd) === (bits & 0x100);
  return {
    kind: "smmuv3-global",
    cause: queue
      ? "The SMMU is in service failure mode: it translates no more, and every access of its devices fails."
      : `The SMMU reports an error that concerns the whole unit. ${(bits & 0x1) !== 0 ? advice.usually : "A write of the unit to memory, of an event or an interrupt, was refused."}`,
    evidence,
    do: queue
      ? "The machine has to be restarted; report it to the maker with the lines before it (RAS, memory errors)."
      : advice.do,
  };
}

const commandKeys: Readonly<Record<number, AdviceKey>> = {
  [CommandError.illegal]: "command-refused",
  [CommandError.abort]: "command-unread",
  [CommandError.deviceTlb]: "no-answer",
};

const commandWords: Readonly<Record<number, string>> = {
  [CommandError.illegal]: "Illegal command: the unit does not take it",
  [CommandError.abort]: "Abort on command fetch: the queue's memory could not be read",
  [CommandError.deviceTlb]: "a device did not answer an invalidation of its TLB (ATC_INV) in time",
};

function command(fault: LogFault, machine: MachineContext): Diagnosis {
  if (fault.says === "SFM") return global({ ...fault, says: "GERROR" }, machine);
  const { code } = fault;
  const key = (code === null ? undefined : commandKeys[code]) ?? "command";
  const advice = adviceFor(key, circumstanceOf(fault, machine));
  const words = fault.values.flatMap(([name, value]) => (name === "word" ? [value] : []));
  const opcode = words[0] === undefined ? null : Number(words[0] & 0xffn);
  const evidence = joined(
    code === null ? "" : `the unit says: ${commandWords[code] ?? `error ${code}, which is none that is defined`}`,
    fault.says === "CMD_SYNC" ? waited(fault) : "",
    opcode === null
      ? ""
      : `the command is ${words.map((w) => hex(w)).join(" ")}: ${commandNames[opcode] ?? `opcode ${hex(opcode)}, which is no command`}`,
  );
  return {
    kind: "smmuv3-command",
    cause: `The SMMU did not carry out a command. ${advice.usually}`,
    evidence,
    do: advice.do,
    remedy: `smmuv3-command ${key}`,
    ...(fault.says === "CMD_SYNC"
      ? { vague: "The kernel's wait for its commands ended without an answer (CMD_SYNC)" }
      : {}),
  };
}

/** Queue indexes as the kernel prints them: with the wrap bit, so that 0 is mostly a register after a reset. */
function waited(fault: LogFault): string {
  const at = valueNamed(fault, "at"),
    written = valueNamed(fault, "prod"),
    read = valueNamed(fault, "cons");
  const gaveUp = "the kernel waited for a CMD_SYNC and gave up";
  if (at === null || written === null || read === null) return gaveUp;
  const where =
    read === written
      ? "it had read all of them by the time of the message: slow, or its answer was lost"
      : read === 0n
        ? "its pointer reads 0, as after a reset or when the unit is switched off"
        : read === at
          ? "it stands at that very command"
          : "";
  return joined(`${gaveUp}: command ${hex(at)}, the unit has read up to ${hex(read)} of ${hex(written)}`, where);
}

function lost(fault: LogFault): Diagnosis {
  const events = fault.says === "EVTQ";
  return {
    kind: "smmuv3-lost",
    cause: `The SMMU's queue of ${events ? "events" : "page requests"} overflowed or could not be written: ${events ? "faults" : "requests"} were lost.`,
    evidence: `${fault.says} overflow or abort`,
    // What the rate limit leaves out are the events.
    limitedIn: /(?!)/,
    do: "Look at the faults that were reported: the same device mostly goes on without end.",
  };
}

function pageRequest(fault: LogFault): Diagnosis {
  return {
    kind: "smmuv3-request-type",
    cause:
      "A device asked for a page (PRI) that nobody prepared for it: the kernel does not expect page requests of this stream.",
    evidence: joined(
      fault.stream === null
        ? "the following line has the stream"
        : `stream ${hex(fault.stream)}${pciOfStream(fault.stream)}`,
      fault.address === null ? "" : `address ${hex(fault.address)}`,
    ),
    do: "Report device and driver: page requests are switched on in the device while its stream has none.",
    ...(fault.stream === null ? {} : { device: `stream ${hex(fault.stream)}` }),
  };
}
