/** All engines. A new one is a file, a row here, and a row in `selection` that says when a kernel takes it. */

import type { Engine } from "../engine.js";
import { grantAsAddress } from "../grant/grant_address.js";
import { iommu } from "../iommu/iommu_engine.js";
import { direct } from "../native/direct.js";
import { swiotlbNative } from "../native/swiotlb.js";
import type { EngineOptions } from "../options.js";
import { softwareIommu } from "../translating/software_iommu.js";
import { swiotlbXenArm } from "../translating/swiotlb_xen_arm.js";
import { swiotlbXenX86 } from "../translating/swiotlb_xen_x86.js";

export interface EngineRow {
  readonly name: string;
  readonly title: string;
  /** @throws Misuse `engine-pool`, `engine-grants` or `engine-iommu` when a part is missing that this engine stands on. */
  readonly build: (o: EngineOptions) => Engine;
}

export const engines = {
  direct,
  swiotlb: swiotlbNative,
  "swiotlb-xen-x86": swiotlbXenX86,
  "swiotlb-xen-arm": swiotlbXenArm,
  grant: grantAsAddress,
  "software-iommu": softwareIommu,
  iommu,
} as const satisfies Readonly<Record<string, EngineRow>>;

export type EngineName = keyof typeof engines;
