/**
 * What a description says of a machine in which it changes nothing, and why: what is taken without a word is taken for
 * done. Nothing of it contradicts the rest, so that a machine is not refused for it.
 */
import type { MachineDescription } from "../description/schema.js";
import type { MachineDevice } from "./devices.js";

type Built = Pick<MachineDevice, "description"> & {
  readonly engine: { readonly name: string; readonly pool: object | null };
};

/** @returns a sentence for each key, which begins with the key's name */
export function withoutEffect(m: MachineDescription, devices: readonly Built[]): string[] {
  return [
    ...poolWords(m, devices),
    ...devices.flatMap((d) => [...bounceWords(d), ...tlbWords(d)]),
    ...fetchWords(m),
    ...lifetimeWords(m),
  ];
}

/** The engine of an IOMMU has one pool for all, and bounces for those alone that are not trusted. */
const bounces = ({ description, engine }: Built): boolean =>
  engine.pool !== null && (engine.name !== "iommu" || description.untrusted);

function poolWords({ swiotlb, iommu }: MachineDescription, devices: readonly Built[]): string[] {
  if (swiotlb === undefined || devices.length === 0 || devices.some(bounces)) return [];
  // That there is none is then what was asked for.
  if (swiotlb.mode === "off" && (iommu === undefined || devices.some((d) => d.description.untrusted))) return [];
  const isTranslated = devices.every((d) => d.engine.name === "iommu");
  const why = isTranslated
    ? "the IOMMU translates for each device, force or not; a device with untrusted: true would bounce"
    : "no device has an engine that bounces (Engines, above)";
  return [`swiotlb: no pool is made, for ${why}.`];
}

function bounceWords(d: Built): string[] {
  const { bdf, minAlignMask = 0 } = d.description;
  if (minAlignMask === 0 || bounces(d)) return [];
  return [`minAlignMask of ${bdf}: it is for bounces alone, and nothing of this device bounces (${d.engine.name}).`];
}

/** Source: Linux drivers/pci/ats.c, pci_ats_supported. */
function tlbWords({ description: { bdf, ats, untrusted } }: Built): string[] {
  if (!(ats && untrusted)) return [];
  return [`ats of ${bdf}: Linux leaves it off in a device that it does not trust (untrusted: true).`];
}

/** What a unit fetches in pieces differs only while somebody writes it. */
function fetchWords({ iommu }: MachineDescription): string[] {
  if (iommu?.fetchBits === undefined) return [];
  return [
    `fetchBits: the unit fetches ${iommu.fetchBits} bits at a time, which costs other steps and gives the same answers: no entry is written while a device of a described machine works.`,
  ];
}

/** Only pages that the domain with the devices gives back are kept from them by a policy. */
function lifetimeWords({ xen, workload }: MachineDescription): string[] {
  if (xen?.pageLifetime === undefined) return [];
  const { passthrough: driving = 0 } = xen;
  if (workload.some((w) => w.program === "balloon" && (w.from ?? driving) === driving)) return [];
  return [`pageLifetime: domain ${driving}, which has the devices, gives no page back (program: balloon).`];
}
