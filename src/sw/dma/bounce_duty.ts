/**
 * Who bounces a block device's buffers that it does not reach: the block layer by itself, or the engine below the DMA
 * API. Until 2018 one constant answered for the whole kernel; since then three questions are asked of each device.
 *
 * Source: D3 (PCI_DMA_BUS_IS_PHYS: non-zero means that the bus is physical memory, so the block layer must do it);
 * Linux arch/x86/include/asm/pci.h before 5.0 (dma_ops->is_phys); kernel/dma/mapping.c, dma_addressing_limited,
 * dma_max_mapping_size, dma_get_merge_boundary.
 */
import { type DmaDevice, type Engine, highestAddress } from "../engine/index.js";

export interface BounceDuty {
  readonly who: "block layer" | "engine" | "nobody";
  readonly because: string;
}

/** The constant was removed with 4.20. */
const constantUntil = 4019;

/** The three questions of today. */
export interface Limits {
  /** Some of memory is out of the device's reach. */
  readonly addressingLimited: boolean;
  readonly maxMappingBytes: number;
  /** Neighbours at multiples of this, less one, become one segment; 0: nothing is merged. */
  readonly mergeBoundary: number;
}

export function limitsOf(engine: Engine, device: DmaDevice, memoryEnd: number): Limits {
  return {
    addressingLimited: highestAddress(device) < memoryEnd - 1,
    maxMappingBytes: engine.maxMappingBytes(device),
    mergeBoundary: engine.lists.merges ? 4095 : 0,
  };
}

/** What PCI_DMA_BUS_IS_PHYS was with this engine: is a bus address a physical one, and nothing between? */
export function busIsPhys(engine: Engine): boolean {
  return engine.name === "direct";
}

/** @param kernel release as `uname -r` has it; null for today's */
export function bounceDuty(kernel: string | null, engine: Engine, device: DmaDevice, memoryEnd: number): BounceDuty {
  const { addressingLimited } = limitsOf(engine, device, memoryEnd);
  if (!addressingLimited && engine.pool === null)
    return { who: "nobody", because: "The device reaches all of memory." };
  if (usesConstant(kernel)) {
    return busIsPhys(engine)
      ? { who: "block layer", because: "PCI_DMA_BUS_IS_PHYS is 1: the block layer bounces what lies above the limit." }
      : { who: "engine", because: "PCI_DMA_BUS_IS_PHYS is 0: the block layer bounces nothing, the engine does." };
  }
  if (engine.pool !== null)
    return { who: "engine", because: "Each device is asked for its limits; the engine bounces." };
  return { who: "nobody", because: "The device does not reach all of memory and there is no pool: mappings fail." };
}

function usesConstant(kernel: string | null): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel ?? "") ?? [];
  return major !== undefined && minor !== undefined && Number(major) * 1000 + Number(minor) <= constantUntil;
}
