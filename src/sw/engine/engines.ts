/** All engines. A new one is a file, a row here, and a row in `selection` that says when a kernel takes it. */
import { direct } from "./direct.js";
import type { Engine } from "./engine.js";
import { grantAsAddress } from "./grant_address.js";
import type { EngineOptions } from "./parts.js";
import { softwareIommu } from "./software_iommu.js";
import { swiotlbNative } from "./swiotlb_native.js";
import { swiotlbXenArm } from "./swiotlb_xen_arm.js";
import { swiotlbXenX86 } from "./swiotlb_xen_x86.js";

export interface EngineRow {
  readonly name: string;
  readonly title: string;
  /** @throws Misuse `engine-pool` or `engine-grants` when a part is missing that this engine stands on. */
  readonly build: (o: EngineOptions) => Engine;
}

export const engines = {
  direct,
  swiotlb: swiotlbNative,
  "swiotlb-xen-x86": swiotlbXenX86,
  "swiotlb-xen-arm": swiotlbXenArm,
  grant: grantAsAddress,
  "software-iommu": softwareIommu,
} as const satisfies Readonly<Record<string, EngineRow>>;

export type EngineName = keyof typeof engines;
