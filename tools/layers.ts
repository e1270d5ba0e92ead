/**
 * The architecture as a table: each layer, and the layers before it in this table that it may import.
 * `test/layers.test.ts` enforces it, and sees that ARCHITECTURE.md prints the same.
 */
const ground = ["base", "bits", "mem"];
const audit = ["audit/words", "audit/recording", "audit/inspect", "audit/why"];

export const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  state: ["base"],
  bits: ["base"],
  mem: ["base", "state"],
  bus: ["base", "state", "bits"],
  spec: ["base", "bits"],
  table: [...ground, "spec"],
  "hw/device": [...ground, "state", "bus", "spec", "table"],
  "hw/iommu": [...ground, "state", "bus", "spec", "table"],
  "sw/xen": [...ground, "bus", "spec", "table"],
  "sw/swiotlb": [...ground, "state", "spec"],
  "sw/iommu": [...ground, "state", "bus", "spec", "table"],
  "sw/engine": [...ground, "bus", "spec", "table", "sw/xen", "sw/swiotlb", "sw/iommu"],
  "sw/dma": [...ground, "bus", "spec", "sw/engine"],
  "sw/driver": [...ground, "bus", "spec", "sw/xen", "sw/dma"],
  sim: ["base", "state"],
  check: ["base", "state", "sim"],
  read: [...ground, "spec"],
  "lab/machine": [
    ...ground,
    ...["state", "bus", "spec", "table", "hw/device", "hw/iommu", "sw/xen", "sw/swiotlb", "sw/iommu", "sw/engine"],
    ...["sw/dma", "sw/driver", "sim", "read"],
  ],
  "lab/replay": [...ground, "state", "spec", "sw/swiotlb", "sw/iommu", "read", "lab/machine"],
  "lab/protocol": [...ground, "state", "bus", "spec", "table", "hw/iommu", "sw/iommu", "check"],
  "lab/replace": [...ground, "state", "spec", "table", "hw/iommu", "sw/iommu", "sim", "check"],
  "lab/scenario": [
    ...ground,
    ...["state", "bus", "spec", "table", "hw/device", "sw/xen", "sw/swiotlb", "sw/iommu", "sw/engine", "sw/dma"],
    ...["sw/driver", "sim", "check", "lab/machine", "lab/protocol", "lab/replace"],
  ],
  "lab/check": [...ground, "state", "spec", "sw/iommu", "sim", "check", "lab/protocol", "lab/replace", "lab/scenario"],
  "audit/words": ["base", "spec"],
  "audit/recording": [...ground, "spec", "read", "audit/words"],
  "audit/inspect": [...ground, "spec", "table", "read", "audit/words"],
  "audit/why": [...ground, "spec", "sw/swiotlb", "read", "audit/words"],
  report: [
    ...ground,
    "spec",
    "table",
    ...["sw/swiotlb", "sw/iommu", "read", "lab/machine", "lab/replay", "lab/protocol", "lab/replace", "lab/scenario"],
    "lab/check",
    ...audit,
    "check",
  ],
  library: [
    ...ground,
    ...["bus", "spec", "table", "hw/device", "sw/xen", "sw/swiotlb", "sw/engine", "sw/dma", "sw/driver", "read"],
    ...["lab/machine", "lab/replay", "lab/scenario", ...audit, "report"],
  ],
  cli: [
    ...ground,
    ...["spec", "table", "sw/swiotlb", "sw/iommu", "read", "lab/machine", "lab/replay", "lab/protocol", "lab/replace"],
    ...["lab/scenario", "lab/check"],
    ...[...audit, "check", "sim"],
    "report",
    "library",
  ],
};

const innerDoors: readonly string[] = ["audit/index.ts", "lab/index.ts"];

/** A door hands on what lies behind it and belongs to no layer; `index.ts` and those in `doors/` are the package's own. */
export const isDoor = (file: string): boolean =>
  file === "index.ts" || file.startsWith("doors/") || innerDoors.includes(file);
