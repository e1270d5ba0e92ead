/**
 * Nodes of a device tree into places that are no memory.
 *
 * Source: Linux Documentation/devicetree/bindings: interrupt-controller/arm,gic-v3.yaml, arm,gic.yaml (v2m frames),
 * iommu/arm,smmu-v3.yaml, pci/host-generic-pci.yaml.
 */
import { frameBytes } from "../../../base/frame.js";
import type { Place, PlaceKind } from "../place.js";
import { numberOf, type TreeNode } from "./blob.js";

const named: Readonly<Record<string, { readonly kind: PlaceKind; readonly what: string }>> = {
  "arm,gic-v3-its": { kind: "translated interrupts", what: "an interrupt translation service (GIC ITS)" },
  "arm,gic-v2m-frame": { kind: "interrupts", what: "a frame of message interrupts (GICv2m)" },
  "arm,gic-v3": { kind: "interrupts", what: "the interrupt controller (GIC)" },
  "arm,gic-400": { kind: "interrupts", what: "the interrupt controller (GIC)" },
  "arm,cortex-a15-gic": { kind: "interrupts", what: "the interrupt controller (GIC)" },
  "arm,smmu-v3": { kind: "unit", what: "the registers of an IOMMU" },
  "pci-host-ecam-generic": { kind: "configuration", what: "PCI configuration space" },
};

export function placesOfTree(nodes: readonly TreeNode[]): Place[] {
  return nodes.flatMap((node): Place[] => {
    const known = node.compatible.map((c) => (Object.hasOwn(named, c) ? named[c]! : null)).find((k) => k !== null);
    return known == null || node.reg === null || !node.isPlain
      ? []
      : stretchesOf(node).map((s) => ({ ...known, ...s }));
  });
}

/** Pairs of address and size. */
function stretchesOf({ reg, cells }: TreeNode): { from: number; to: number }[] {
  const width = (cells.address + cells.size) * 4;
  const found: { from: number; to: number }[] = [];
  if (!(cells.address >= 1 && cells.address <= 2 && cells.size >= 1 && cells.size <= 2)) return found;
  for (let at = 0; at + width <= reg!.length; at += width) {
    const address = numberOf(reg!.subarray(at, at + cells.address * 4));
    const size = numberOf(reg!.subarray(at + cells.address * 4, at + width));
    const [from, to] = [
      Math.floor(address / frameBytes) * frameBytes,
      Math.ceil((address + size) / frameBytes) * frameBytes,
    ];
    if (size > 0 && to <= 2 ** 52) found.push({ from, to });
  }
  return found;
}
