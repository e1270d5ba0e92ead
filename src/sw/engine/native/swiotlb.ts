/**
 * swiotlb native: direct where the device reaches, through the pool where it does not or where all is forced.
 *
 * Source: Linux kernel/dma/direct.h and kernel/dma/swiotlb.c, swiotlb_map.
 */

import { Misuse } from "../../../base/assert.js";
import type { Engine } from "../engine.js";
import type { EngineOptions } from "../options.js";
import { partsOf } from "../parts/build.js";
import { NativeEngine } from "./native_engine.js";

export const swiotlbNative = {
  name: "swiotlb",
  title: "the kernel's own bounce pool",
  build: (o: EngineOptions): Engine => {
    if ((o.pool ?? null) === null) throw new Misuse("engine-pool", "none; this engine has a pool");
    return new NativeEngine("swiotlb", partsOf(o));
  },
} as const;
