/**
 * Direct: a buffer is used where it is, or not at all. What a kernel without a pool does, and what a guest does whose
 * addresses an IOMMU translates.
 *
 * Source: Linux kernel/dma/direct.h, dma_direct_map_phys without swiotlb; D3 ("do nothing").
 */

import type { Engine } from "../engine.js";
import type { EngineOptions } from "../options.js";
import { partsOf } from "../parts/build.js";
import { NativeEngine } from "./native_engine.js";

export const direct = {
  name: "direct",
  title: "buffers where they are, no pool",
  build: (o: EngineOptions): Engine => new NativeEngine("direct", partsOf({ ...o, pool: null, force: false })),
} as const;
