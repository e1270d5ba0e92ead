/** Why a virtio-iommu, Apple's DART or a unit of a system on a chip refused, and what to do. */

import { hex } from "../../../base/hex.js";
import type { LogFault } from "../../../read/index.js";
import type { FaultKind } from "../../../spec/dma/fault_kind.js";
import { functionName } from "../../../spec/pcie/requester.js";
import { faultCauses } from "../../../spec/riscv/iommu_causes.js";
import { faultWords } from "../../../spec/virtio/iommu_faults.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import { type AdviceKey, addressHint, adviceFor, circumstanceOf, joined } from "./advice.js";

export function explainVirtioIommu(fault: LogFault, machine: MachineContext): Diagnosis | null {
  if (fault.topic !== "access") return null;
  const endpoint = fault.stream ?? 0;
  const known = faultWords[fault.says];
  // QEMU names no access where nothing is mapped.
  const nothing = fault.says === "page" && fault.write === null && fault.address !== null;
  const kind: FaultKind = nothing ? "unmapped" : (known?.kind ?? "unmapped-or-permission");
  const advice = adviceFor(kind === "no-entry" ? "no-stream" : kind, circumstanceOf(fault, machine));
  const words =
    known?.words ??
    `an access of the endpoint failed, and the unit gives no reason (QEMU does so when the endpoint is attached to nothing yet)`;
  const device = endpoint <= 0xffff ? functionName(endpoint) : null;
  return {
    kind: `virtio-iommu-${known === undefined ? "unknown" : kind}`,
    cause: `The virtio-iommu reports: ${words}. ${kind === "no-entry" ? "Its device has no driver yet, or was detached while it still ran." : advice.usually}`,
    evidence: joined(
      `endpoint ${endpoint} = ${hex(endpoint)}${device === null ? "" : `, PCI ${device} where endpoints are requester ids (QEMU)`}`,
      fault.pasid === null ? "" : `PASID ${hex(fault.pasid)}`,
      fault.address === null ? "the message has no address" : `address ${hex(fault.address)}`,
      fault.write === null
        ? fault.address === null
          ? ""
          : "the message does not say whether it was a read or a write"
        : fault.write
          ? "a write"
          : "a read",
      addressHint(fault),
    ),
    do:
      kind === "no-entry"
        ? "Say which driver was bound or unbound at that moment; the hypervisor's bypass setting decides what an endpoint without domain may do."
        : advice.do,
    device: device ?? `endpoint ${endpoint}`,
  };
}

const dartKinds: readonly (readonly [RegExp, FaultKind, string])[] = [
  [/^NO (PTE|PMD|PGD) FOR IOVA/, "unmapped", "nothing is mapped at the address: the walk ended without an entry"],
  [/^NO TTBR/, "no-entry", "the stream has no page table"],
  [/^WRITE FAULT/, "permission", "the page is mapped, but not for writing"],
  [/^READ FAULT/, "permission", "the page is mapped, but not for reading"],
];

export function explainDart(fault: LogFault, machine: MachineContext): Diagnosis | null {
  if (fault.topic !== "access") return null;
  const [, kind, words] = dartKinds.find(([pattern]) => pattern.test(fault.says)) ?? [null, null, null];
  const key: AdviceKey = kind === null ? "unmapped-or-permission" : kind === "no-entry" ? "no-stream" : kind;
  const advice = adviceFor(key, circumstanceOf(fault, machine));
  return {
    kind: `dart-${kind ?? "unknown"}`,
    cause:
      `Apple's DART reports ${fault.says}: ${words ?? "an error this table does not know"}. ${kind === null ? "" : advice.usually}`.trim(),
    evidence: joined(
      `stream ${fault.stream}${fault.by === null ? "" : ` of ${fault.by}`}`,
      fault.address === null ? "" : `address ${hex(fault.address)}`,
      fault.write === null
        ? "the message does not say whether it was a read or a write"
        : fault.write
          ? "a write"
          : "a read",
      `code ${hex(fault.code ?? 0)}, status ${hex(fault.flags ?? 0)}`,
      addressHint(fault),
    ),
    do: advice.do,
    ...(fault.by === null ? {} : { device: `${fault.by} stream ${fault.stream}` }),
  };
}

export function explainOnChip(given: LogFault, machine: MachineContext): Diagnosis | null {
  if (given.topic !== "access") return null;
  const cause = given.driver === "riscv-iommu" ? faultCauses[given.code ?? 0] : undefined;
  const fault = cause?.write === undefined ? given : { ...given, write: cause.write };
  const decodes = fault.says.startsWith("EMEM");
  const unmapped =
    fault.says === "PAGE" ||
    fault.says.startsWith("AR") ||
    fault.says === "translation" ||
    fault.says === "TRANSLATION";
  const kind: FaultKind =
    cause?.kind ?? (unmapped ? "unmapped" : fault.says === "PERMISSION" ? "permission" : "unmapped-or-permission");
  const advice = adviceFor(kind, circumstanceOf(fault, machine));
  const driver = fault.driver ?? "the unit";
  return {
    kind: `iommu-${decodes ? "no-memory" : kind}`,
    cause: decodes
      ? "The memory controller found no memory at the address that a device used: the device is not translated (its stream has no IOMMU entry), or it was given a wrong address."
      : `The IOMMU (${driver}) reports a fault (${cause?.words ?? fault.says}). ${advice.usually}`,
    evidence: joined(
      fault.device === null ? "the message names the unit only, not the device behind it" : `device ${fault.device}`,
      fault.stream === null ? "" : `device id ${hex(fault.stream)}`,
      fault.code === null ? "" : `cause ${fault.code}`,
      fault.address === null ? "" : `address ${hex(fault.address)}`,
      fault.write === null
        ? "the message does not say whether it was a read or a write"
        : fault.write
          ? "a write"
          : "a read",
      fault.flags === null ? "" : `status ${hex(fault.flags)}`,
      addressHint(fault),
    ),
    do: advice.do,
    ...(fault.device !== null
      ? { device: fault.device }
      : fault.stream !== null
        ? { device: fault.stream <= 0xffff ? functionName(fault.stream) : `device id ${hex(fault.stream)}` }
        : {}),
  };
}
