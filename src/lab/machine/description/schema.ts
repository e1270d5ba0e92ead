/**
 * The machine description as a schema: every field with its limits, and a default where a machine can do without. What
 * is said of a wrong value comes from here too: a field's description, where its limits alone do not tell.
 */
import { z } from "zod";
import { iommuKinds } from "../../../spec/linux/iommu_drivers.js";
import { driverKey, pciDrivers } from "../../../spec/linux/pci_drivers.js";
import { isRelease, newestRelease, oldestRelease } from "../../../spec/linux/releases.js";
import { type EngineName, engines } from "../../../sw/engine/index.js";
import { type ReleasePolicyName, releasePolicies } from "../../../sw/iommu/lifetime/policies.js";
import { nestingBugNames } from "../../../sw/iommu/nesting/bugs.js";
import { models } from "../../../sw/xen/index.js";

const mib = 2 ** 20;

/** Bytes, as a number or as 512MiB. */
export const bytes = z
  .union([z.number().int().positive(), z.string()])
  .describe("a multiple of 4KiB up to 64GiB such as 512MiB")
  .transform((given, context) => {
    const size = typeof given === "number" ? given : sizeOf(given);
    if (size !== null && size > 0 && size <= 64 * 2 ** 30 && size % 4096 === 0) return size;
    context.addIssue("size");
    return z.NEVER;
  });

/** `4096..131072`: from and to, both included; one number is both. */
const range = z
  .union([z.number().int().positive(), z.string()])
  .describe("bytes up to 1048576, or from..to such as 4096..131072")
  .transform((given, context) => {
    const [from, to = from] = String(given).split("..").map(Number);
    if (Number.isInteger(from) && Number.isInteger(to) && from! > 0 && from! <= to! && to! <= mib)
      return { from: from!, to: to! };
    context.addIssue("range");
    return z.NEVER;
  });

const bdf = z
  .string()
  .regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/)
  .describe("a device address such as 0000:00:03.0");
const domainId = z.number().int().min(0).max(0x7fef);

export const deviceAnswers = ["in time", "late", "twice", "wrong", "never"] as const;
export type DeviceAnswers = (typeof deviceAnswers)[number];

export const deviceSchema = z.strictObject({
  bdf,
  driver: z
    .string()
    .refine((name) => pciDrivers.has(driverKey(name)))
    .describe(
      "the driver of Linux that the device has, such as nvme or e1000e; left out for one that is not known here",
    )
    .optional(),
  /** Address bits that the driver sets as its mask; what the hardware has unless `lines` says less. */
  mask: z.number().int().min(1).max(64).optional(),
  /** Address lines of the hardware: what is above is cut off. */
  lines: z.number().int().min(20).max(64).optional(),
  minAlignMask: z
    .number()
    .int()
    .min(0)
    .max(0x3ffff)
    .describe(
      "the low address bits that a bounce keeps (left out: what the driver asks for, of nvme 0xfff), such as 0xfff; at most 0x3ffff",
    )
    .optional(),
  /** Segment boundary in bytes, a power of two. */
  boundary: z
    .number()
    .int()
    .min(4096)
    .max(2 ** 52)
    .refine((n) => Number.isInteger(Math.log2(n)))
    .describe("a power of two of at least 4096")
    .optional(),
  /** Its accesses see the CPU's cache. */
  coherent: z.boolean().optional(),
  /** It has a TLB of its own (ATS), which the kernel turns on behind an IOMMU. */
  ats: z.boolean().default(false),
  /** How it answers when its TLB is told to forget: as it must; after it was given up; twice; without having forgotten; or not. */
  answers: z.enum(deviceAnswers).default("in time"),
  /** It may be anybody's: behind an IOMMU what shares a page with its buffers is not shown to it, and it is strict. */
  untrusted: z.boolean().default(false),
  /** How buffers are made reachable; auto decides as the kernel does. */
  engine: z.enum(["auto", ...(Object.keys(engines) as EngineName[])]).default("auto"),
});

export const swiotlbSchema = z.strictObject({
  slots: z
    .number()
    .int()
    .min(1)
    .max(2 ** 22)
    .optional(),
  areas: z.number().int().min(1).max(1024).optional(),
  mode: z.enum(["auto", "force", "off"]).default("auto"),
});

export const iommuSchema = z.strictObject({
  kind: z.enum(iommuKinds),
  /** How the kernel uses it: flushed before an address is used again, flushed later, or not at all (iommu=pt). */
  policy: z.enum(["strict", "lazy", "pass-through"]).default("strict"),
  /**
   * Whose tables the kernel builds, of a unit that has both (vtd-scalable); left out, the first, as kernels do from 5.6 on.
   * nested: the kernel is a guest's, its unit one that the host gives it; its tables are the first stage, below which the host
   * keeps the second. shadow: the same, of a unit in caching mode, whose tables the host's shadow.
   */
  stage: z.enum(["first", "second", "nested", "shadow"]).optional(),
  /** How the host of a shadowed unit switches a device: by its entry, or by all of its mappings; left out: by its entry. */
  hostSwitch: z.enum(["replace", "remap"]).optional(),
  /** What the host of a nested unit does wrong; left out: nothing. */
  hostBug: z.enum(nestingBugNames).optional(),
  /** Bits of an entry of a device table that the unit fetches at once; what units of the kind do where it is left out. */
  fetchBits: z.literal([64, 128, 256, 512]).optional(),
});

export const domainSchema = z.strictObject({ id: domainId, memory: bytes });

export const xenSchema = z.strictObject({
  /** What the driver domain's kernel knows of its frames. */
  model: z.enum(Object.keys(models) as [keyof typeof models]),
  /** The guests' model; default: the driver domain's where guests have one, else vp+hypercall. */
  guests: z.enum(Object.keys(models) as [keyof typeof models]).optional(),
  /** The domain to which the devices are passed through, and whose kernel drives them; left out: domain 0. */
  passthrough: domainId.optional(),
  /** What the hypervisor does with a page that is given back and that a device may still reach; left out, what Xen does today. */
  pageLifetime: z.enum(Object.keys(releasePolicies) as [ReleasePolicyName, ...ReleasePolicyName[]]).optional(),
  domains: z.array(domainSchema).min(1).max(64),
});

export const programs = [
  "disk",
  "blkback",
  "net",
  "netback",
  "hostile-blk",
  "hostile-net",
  "legacy-dma",
  "legacy-pio",
  "balloon",
  "switch",
] as const;

export const programSchema = z.strictObject({
  program: z.enum(programs),
  /** Domain whose requests these are; none for the driver domain's own. */
  from: domainId.optional(),
  /** What it works on; none of a balloon. */
  device: bdf.optional(),
  requests: z.number().int().min(1).max(10_000_000).default(1000),
  /** Bytes of a request. */
  size: range.default({ from: 512, to: 65536 }),
  persistent: z.boolean().default(false),
  /** Segments of a block request; above 11 it is indirect. */
  segments: z.number().int().min(1).max(256).default(11),
});

export const machineSchema = z.strictObject({
  /** Behaviour profile: a kernel's release. */
  kernel: z
    .string()
    .refine(isRelease)
    .describe(`a release of Linux from "${oldestRelease}" to "${newestRelease}", in quotes`)
    .optional(),
  cpus: z.number().int().min(1).max(8192).optional(),
  arch: z.enum(["x86", "arm", "ia64"]).default("x86"),
  memory: bytes.optional(),
  /** The guest's memory is encrypted (SEV, TDX): all DMA goes through the shared pool. */
  encrypted: z.boolean().default(false),
  swiotlb: swiotlbSchema.optional(),
  iommu: iommuSchema.optional(),
  xen: xenSchema.optional(),
  devices: z.array(deviceSchema).max(256).default([]),
  workload: z.array(programSchema).max(256).default([]),
  seed: z
    .number()
    .int()
    .nonnegative()
    .max(2 ** 32 - 1)
    .default(1),
});

export type MachineDescription = z.infer<typeof machineSchema>;
export type DeviceDescription = z.infer<typeof deviceSchema>;
export type ProgramDescription = z.infer<typeof programSchema>;

const units: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function sizeOf(text: string): number | null {
  const [, digits, unit] = /^(\d+)\s*([kmg])i?b$/i.exec(text.trim()) ?? [];
  return digits === undefined ? null : Number(digits) * units[unit!.toLowerCase()]!;
}
