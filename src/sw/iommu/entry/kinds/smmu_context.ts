/**
 * Context descriptors as Linux makes them.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3 (arm_smmu_make_s1_cd, arm_smmu_make_sva_cd: without a process, EPD0 alone
 * is left to say that nothing is walked).
 */
import { ContextDescriptor as E } from "../../../../spec/smmuv3/context_descriptor.js";
import { entryOf, type FieldValue } from "../fields.js";

export interface DescriptorContents {
  readonly asid: number;
  /** In units of 16 bytes. */
  readonly ttb: number;
}

const own = ({ asid }: DescriptorContents): readonly FieldValue[] => [
  [E.v, 1],
  [E.aa64, 1],
  [E.epd1, 1],
  [E.r, 1],
  [E.a, 1],
  [E.aset, 1],
  [E.ips, 5],
  [E.asid, asid],
];
const table = ({ ttb }: DescriptorContents): readonly FieldValue[] => [
  [E.t0sz, 16],
  [E.ir0, 1],
  [E.or0, 1],
  [E.sh0, 3],
  [E.ttb0, ttb],
];

/** Attributes of memory: those of a kernel's own tables, and those of processes. */
const [mairOfKernels, mairOfProcesses] = [0xff_44, 0x04_44_ff] as const;

export const descriptorKinds = {
  clear: { title: "no descriptor", fields: () => [] },
  s1: { title: "first stage", fields: (c) => [...own(c), ...table(c), [E.mair0, mairOfKernels]] },
  sva: { title: "a process's tables", fields: (c) => [...own(c), ...table(c), [E.mair0, mairOfProcesses]] },
  released: { title: "a process that is gone", fields: (c) => [...own(c), [E.epd0, 1], [E.mair0, mairOfProcesses]] },
} as const satisfies Readonly<
  Record<string, { title: string; fields: (c: DescriptorContents) => readonly FieldValue[] }>
>;
export type DescriptorKindName = keyof typeof descriptorKinds;

export const descriptorOf = (kind: DescriptorKindName, contents: DescriptorContents): Uint32Array =>
  entryOf(E.$, descriptorKinds[kind].fields(contents));
