/** Why an SMMUv1 or v2 refused, and what to do. */
import { hex } from "../../../base/hex.js";
import { type LogFault, valueNamed } from "../../../read/index.js";
import { contextFaults, contextState, type FaultBit, globalFaults } from "../../../spec/smmuv2/faults.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import {
  type AdviceKey,
  addressHint,
  adviceFor,
  circumstanceOf,
  type FaultAdvice,
  isDoorbell,
  joined,
} from "./advice.js";
import { firmwareSigns, withFirmware } from "./firmware.js";

export function explainSmmuv2(fault: LogFault, machine: MachineContext): Diagnosis | null {
  if (fault.topic === "command") return syncTimeout;
  return fault.topic === "access" ? explain(fault, machine) : null;
}

const set = (bits: number, table: readonly FaultBit[]): readonly FaultBit[] =>
  table.filter((f) => ((bits >>> f.bit) & 1) === 1);

function explain(fault: LogFault, machine: MachineContext): Diagnosis {
  const context = fault.says === "context";
  const blocked = valueNamed(fault, "blocked") !== null;
  const bits = fault.flags ?? (blocked ? 2 : 0);
  const faults = set(bits, context ? contextFaults : globalFaults);
  const device = fault.device ?? (fault.stream === null ? null : `stream ${hex(fault.stream)}`);
  const named = device === null ? {} : { device };
  const evidence = evidenceOf(fault, bits, faults);
  const first = faults[0];
  if (context && fault.flags === null) return withoutStatus(fault, evidence, named, machine);
  if (first === undefined) {
    return {
      kind: "smmuv2-unknown",
      cause: "The SMMU reports a fault, and what it was cannot be told from this line.",
      evidence: joined(evidence, fault.flags === null ? "the line with GFSR is missing" : "no bit that is defined"),
      do:
        fault.flags === null
          ? "Give the following line, too."
          : "Look the register up in Arm's specification IHI 0062.",
      ...named,
    };
  }
  const where = circumstanceOf(fault, machine);
  const doorbell = context && first.kind === "unmapped" && isDoorbell(fault);
  const key: AdviceKey = doorbell ? "doorbell" : first.kind === "no-entry" ? "no-stream" : first.kind;
  const advice = adviceFor(key, where);
  const own = globalAdvice[first.name];
  const verdict: Diagnosis = {
    kind: `smmuv2-${doorbell ? "doorbell" : first.kind}`,
    cause: `The SMMU (v2) reports a ${context ? "context" : "global"} fault: ${first.words}. ${own?.usually ?? advice.usually}`,
    evidence,
    do: own?.do ?? advice.do,
    ...named,
  };
  if (!context || doorbell) return verdict;
  return withFirmware(verdict, advice.usually, firmwareSigns(fault, first.kind, machine, where), where);
}

/** Old kernels leave the status out, and report only what is a translation, permission or bus fault. */
function withoutStatus(
  fault: LogFault,
  evidence: string,
  named: { device?: string },
  machine: MachineContext,
): Diagnosis {
  const kind = "unmapped-or-permission";
  const where = circumstanceOf(fault, machine);
  const advice = adviceFor(kind, where);
  const verdict: Diagnosis = {
    kind: `smmuv2-${kind}`,
    cause: `The SMMU (v2) reports a context fault, and this kernel's line does not say which. ${advice.usually}`,
    evidence,
    do: advice.do,
    ...named,
  };
  return withFirmware(verdict, advice.usually, firmwareSigns(fault, kind, machine, where), where);
}

/** Faults of the stream mappings, which firmware's description of the masters decides. */
const globalAdvice: Readonly<Partial<Record<string, FaultAdvice>>> = {
  USF: {
    usually:
      "The device has no iommus entry in the device tree (or no IORT node), its mask leaves the stream out, or its driver has not started and firmware left it running.",
    do: "Find the master with this stream in the chip's manual and give it an iommus property with it. arm-smmu.disable_bypass=0 lets such streams pass untranslated for a test, and takes the protection away.",
  },
  SMCF: {
    usually:
      "Two masters were given the same stream, or their stream ids and masks overlap, and the driver wrote a mapping for each; or firmware left a mapping that the driver did not clear.",
    do: "Compare the stream ids and masks of all masters behind this unit (iommus and stream-match-mask in the device tree, IORT): masters that share a stream must share one mapping. Newer drivers do so by themselves: update the kernel or Xen.",
  },
};

function evidenceOf(fault: LogFault, bits: number, faults: readonly FaultBit[]): string {
  const context = fault.says === "context";
  const register = context ? "fsr" : "GFSR";
  const state = Object.entries(contextState)
    .filter(([bit]) => ((bits >>> Number(bit)) & 1) === 1)
    .map(([, words]) => words);
  const bank = valueNamed(fault, "cb"),
    soft = valueNamed(fault, "soft"),
    syndrome = valueNamed(fault, "fsynr");
  return joined(
    fault.stream === null ? "" : `stream ${hex(fault.stream)}`,
    fault.address === null ? "" : `address ${hex(fault.address)}`,
    fault.write === null ? "" : fault.write ? "a write" : "a read",
    bank === null ? "" : `context bank ${bank}`,
    fault.flags === null ? "" : `${register} ${hex(bits)} (${faults.map((f) => f.name).join(", ") || "none"})`,
    ...(context ? state : []),
    syndrome !== null && ((syndrome >> 10n) & 1n) === 1n ? "it failed while a page table was read (PTWF)" : "",
    soft === null
      ? ""
      : soft === 0n
        ? "the kernel's own walk finds nothing mapped"
        : `the kernel's own walk finds ${hex(soft)} there: the table has it, a TLB or flush problem, or it was mapped just after`,
    context && fault.stream === null ? "this kernel's line does not name the stream" : "",
    addressHint(fault),
  );
}

const syncTimeout: Diagnosis = {
  kind: "smmuv2-command",
  cause:
    "The SMMU did not finish a TLB invalidation: it is powered or clocked off, or an access of a device hangs in it.",
  evidence: "the kernel waited for the TLB sync and gave up",
  do: "Look at power domains and clocks of the unit (runtime PM of the masters before the SMMU's), and at the device that was last started or stopped.",
};
