/** Failures of VT-d's invalidation queue. */

import { hex } from "../../../base/hex.js";
import { type LogFault, valueNamed } from "../../../read/index.js";
import { functionName } from "../../../spec/pcie/requester.js";
import { faultStatusBits } from "../../../spec/vtd/fault_reasons.js";
import { descriptorOf, descriptorTypes } from "../../../spec/vtd/queue.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import { type AdviceKey, adviceFor, circumstanceOf, joined } from "./advice.js";

/** Reads of a device that is not there return all ones. */
export function silentVtd(evidence: string, consequence: string): Diagnosis {
  const so = consequence === "" ? "" : ` ${consequence}`;
  return {
    kind: "dmar-silent",
    cause:
      "The IOMMU (VT-d) does not answer: its registers read all ones, which is what a read returns that nobody takes. " +
      `These are not so many errors, and the values mean nothing. The unit is powered off, or a bridge's window covers its registers, or firmware gives a wrong address.${so}`,
    evidence,
    do: "Look what was switched or resized just before (a bridge, a VMD or a port being reset, suspend), and update the firmware.",
  };
}

export function explainVtdQueue(fault: LogFault, machine: MachineContext): Diagnosis {
  const reason = valueNamed(fault, "IQEI"),
    late = valueNamed(fault, "ITESID"),
    wrong = valueNamed(fault, "ICESID");
  const registers = joined(
    reason === null ? "" : `queue error, reason ${hex(reason)}`,
    late === null ? "" : `time-out, source id ${hex(late)}`,
    wrong === null ? "" : `wrong completion, source id ${hex(wrong)}`,
  );
  if (reason === 0xfn || late === 0xffffn || wrong === 0xffffn) return silentVtd(registers, "");
  const head = descriptorWords(fault, "HEAD", "at the queue's head"),
    prior = descriptorWords(fault, "PRIOR", "before it") || descriptorWords(fault, "PREVIOUS", "before it");
  const asked = requesterOf(fault);
  const source = late !== null && late !== 0n ? late : wrong !== null && wrong !== 0n ? wrong : null;
  const device = source !== null ? functionName(Number(source)) : asked;
  const bits = fault.flags ?? 0;
  const timedOut = late !== null || (bits & 0x40) !== 0 || fault.says === "ITE" || fault.says === "device wait";
  const unexpected = wrong !== null || (bits & 0x20) !== 0 || fault.says === "ICE";
  const refusedOne = !timedOut && !unexpected && (reason !== null || (bits & 0x10) !== 0 || fault.says === "IQE");
  const [what, key]: readonly [string, AdviceKey] = timedOut
    ? ["a device did not answer when it was told to forget translations (device-TLB invalidation)", "no-answer"]
    : unexpected
      ? ["a device's answer to an invalidation was not what the unit waited for", "wrong-answer"]
      : refusedOne
        ? ["the invalidation queue stopped at a descriptor that the unit refuses", "command-refused"]
        : ["the queue of flush commands did not go on", "command"];
  const advice = adviceFor(key, circumstanceOf(fault, machine));
  const said = Object.entries(faultStatusBits)
    .filter(([bit]) => (bits >>> Number(bit)) & 1)
    .map(([, words]) => words);
  return {
    kind: "dmar-command",
    cause: `The IOMMU (VT-d): ${what}. ${advice.usually}`,
    evidence:
      joined(
        bits === 0 ? "" : `status register ${hex(bits)}: ${said.join("; ")}`,
        registers,
        device === null ? "" : `device ${device}`,
        head,
        prior,
      ) || `the line says ${fault.says}`,
    do: advice.do,
    ...(device === null ? {} : { device }),
  };
}

function descriptorWords(fault: LogFault, which: string, place: string): string {
  const first = valueNamed(fault, `${which}.0`);
  if (first === null) return "";
  const { type, requester } = descriptorOf(first);
  const name = descriptorTypes[type] ?? `type ${type}, which is none`;
  const who = requester === null ? "" : ` to source id ${hex(requester)}, device ${functionName(requester)}`;
  return `the descriptor ${place}: ${name} (type ${type})${who}, words ${hex(first)} and ${hex(valueNamed(fault, `${which}.1`) ?? 0n)}`;
}

function requesterOf(fault: LogFault): string | null {
  for (const which of ["HEAD", "PRIOR", "PREVIOUS"]) {
    const first = valueNamed(fault, `${which}.0`);
    const requester = first === null ? null : descriptorOf(first).requester;
    if (requester !== null) return functionName(requester);
  }
  return null;
}
