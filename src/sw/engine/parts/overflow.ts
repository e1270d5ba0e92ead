/**
 * What happens when the pool is full: today an error; until 2018 one fallback buffer for everybody, so that a driver
 * that checks nothing harms no memory but loses its data, and a panic where even that would not do.
 *
 * Source: D0 (overflow, overflow_buffer); Linux lib/swiotlb.c before 2018, swiotlb_full and io_tlb_overflow.
 */
import { frameBytes } from "../../../base/frame.js";
import { Direction } from "../../../spec/dma/direction.js";
import type { DmaDevice } from "../engine.js";
import { orderOf } from "./contiguity.js";
import { outOfSpace } from "./messages.js";
import type { EngineParts } from "./parts.js";

const pageBytes = frameBytes;

const overflowBytes = 32 * 1024;

export class Overflow {
  /** Bus address of the fallback buffer; -1 when there is none. */
  readonly bus: number;
  readonly #parts: EngineParts;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const page = parts.rules.overflow === "fallback" ? parts.guest.allocPages(orderOf(overflowBytes)) : null;
    this.bus = page === null ? -1 : parts.guest.physToBus(page * pageBytes);
  }

  /** @returns the bus address that the driver is given: the fallback buffer's, or -1. */
  full(device: DmaDevice, size: number, direction: Direction): number {
    if (this.bus < 0) return -1;
    this.#parts.log.say(outOfSpace(size, device));
    if (size <= overflowBytes) return this.bus;
    if (direction !== Direction.toDevice) this.#parts.log.say("Kernel panic: DMA: Memory would be corrupted");
    else this.#parts.log.say("Kernel panic: DMA: Random memory would be DMAed");
    return -1;
  }
}
