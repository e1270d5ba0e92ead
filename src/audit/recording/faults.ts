/**
 * Accesses that an IOMMU refused (iommu:io_page_fault), and what the recording knows of the address: unmapped a moment
 * before, still mapped, or never seen.
 *
 * Source of the event: Linux include/trace/events/iommu.h, drivers/iommu/iommu.c (report_iommu_fault); bit 0 of its
 * flags is IOMMU_FAULT_WRITE.
 */

import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { Names } from "../../read/names.js";
import { bytesExactly } from "../words/quantity.js";
import type { Gone } from "./gone.js";
import type { LiveMappings } from "./mappings.js";
import type { DeviceFaults } from "./result.js";
import { directionName, seconds } from "./words.js";

const pageBytes = frameBytes;

const examplesMax = 5;
/** Of which every fault is told apart by its page. */
const pagesMax = 4096;
/** An unmapping longer ago says little of why the device uses the address. */
export const lately = 60e6;

/** What is known of mappings when a fault comes. */
export interface Known {
  readonly live: LiveMappings;
  readonly gone: Gone;
  readonly tasks: Names | null;
  /** A mapping in words. */
  describe(m: number): string;
}

interface Row {
  count: number;
  writes: number;
  first: number;
  last: number;
  afterUnmap: number;
  whileMapped: number;
  readonly pages: Set<number>;
  readonly examples: string[];
}

export class Faults {
  readonly #rows = new Map<number, Row>();

  fault(state: Known, device: number, address: number, isWrite: boolean, time: number): void {
    let row = this.#rows.get(device);
    if (row === undefined) {
      row = {
        count: 0,
        writes: 0,
        first: time,
        last: time,
        afterUnmap: 0,
        whileMapped: 0,
        pages: new Set(),
        examples: [],
      };
      this.#rows.set(device, row);
    }
    row.count++;
    row.last = time;
    if (isWrite) row.writes++;
    const page = Math.floor(address / pageBytes);
    const isKnown = row.pages.has(page) || row.pages.size >= pagesMax;
    if (!isKnown) row.pages.add(page);
    const { relation, words } = relationOf(state, device, address, time);
    if (relation === "unmapped") row.afterUnmap++;
    else if (relation === "mapped") row.whileMapped++;
    if (isKnown || row.examples.length >= examplesMax) return;
    row.examples.push(`${isWrite ? "wrote to" : "used"} ${hex(address)} at ${seconds(time)}${words}`);
  }

  /** Whether a refused access of the device to a page of 4 KiB was recorded. */
  knows(device: number, page: number): boolean {
    return this.#rows.get(device)?.pages.has(page) ?? false;
  }

  list(nameOf: (device: number) => string): DeviceFaults[] {
    return [...this.#rows].map(([device, row]) => {
      const { count, writes, first, last, afterUnmap, whileMapped, pages, examples } = row;
      const times = { first: first / 1e6, last: last / 1e6 };
      return {
        device: nameOf(device),
        count,
        writes,
        ...times,
        pages: pages.size,
        afterUnmap,
        whileMapped,
        examples,
        fromLog: false,
      };
    });
  }
}

interface Relation {
  readonly relation: "unmapped" | "mapped" | "unseen";
  readonly words: string;
}

function relationOf(state: Known, device: number, address: number, time: number): Relation {
  const { live, gone } = state;
  const m = live.holding(device, address, 1, -1);
  const own = gone.holding(device, address);
  const g = own !== -1 ? own : gone.holding(noDevice, address);
  if (m !== -1) return { relation: "mapped", words: `, while this was mapped: ${state.describe(m)}` };
  if (g === -1 || time - gone.unmappedAt[g]! > lately) {
    return { relation: "unseen", words: ": no mapping of it is in the recording" };
  }
  const task = gone.task[g]! < 0 ? "" : state.tasks?.name(gone.task[g]!).replace(/-\d+$/, "");
  const coherent = gone.coherent[g] === 1;
  const what = own !== -1 ? `${kindWords(coherent, gone.direction[g]!)} of ` : "range of ";
  const who = task === undefined || task === "" ? "was unmapped" : `task ${task} ${coherent ? "freed" : "unmapped"} it`;
  const gap = time - gone.unmappedAt[g]!;
  return {
    relation: "unmapped",
    words: `, ${gapWords(gap)} after ${who} (a ${what}${bytesExactly(gone.size[g]!)}) at ${seconds(gone.unmappedAt[g]!)}`,
  };
}

/** The device under which ranges are kept that iommu:unmap ends: the event names none. */
export const noDevice = -1;

/** "TO_DEVICE mapping", or what has no direction. */
export const kindWords = (coherent: boolean, direction: number): string =>
  coherent ? "coherent allocation" : `${directionName(direction)} mapping`;

/** "6 ms", "120 us": as many digits as the clock has. */
export function gapWords(microseconds: number): string {
  if (microseconds < 1000) return `${Math.round(microseconds)} us`;
  if (microseconds < 1e6) return `${Math.round(microseconds / 1000)} ms`;
  return `${(microseconds / 1e6).toFixed(1)} s`;
}
