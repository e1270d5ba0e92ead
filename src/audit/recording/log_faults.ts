/**
 * Accesses that an IOMMU refused and of which only the kernel's log tells, joined with the mappings of the recording.
 *
 * VT-d writes a line and no event; the other units write both as a rule, and what the recording tells itself is not told
 * again. The log's clock and the recording's may be seconds apart: how far is estimated from addresses that were used
 * shortly after their unmapping, of several faults at once. Where that fails it is not said when an address was mapped.
 *
 * Source: Linux drivers/iommu/intel/dmar.c (dmar_fault_do_one), drivers/iommu/amd/iommu.c; kernel/printk/printk.c
 * (local_clock) and kernel/trace/trace_clock.c, whose clocks differ.
 */

import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { LogFault } from "../../read/kernel_log/faults/fault.js";
import { Direction } from "../../spec/dma/direction.js";
import { bytesExactly } from "../words/quantity.js";
import { gapWords, kindWords, lately } from "./faults.js";
import type { DeviceFaults } from "./result.js";
import { seconds } from "./words.js";

const pageBytes = frameBytes;
/** Clocks further apart than this are of two boots (microseconds). */
const apartMax = 60e6;
/** An address that is used after its unmapping is used this soon, where clocks are to be told from it. */
const soonMax = 500_000;
/** Estimates closer than this are one. */
const alikeMax = 1e6;
/** Mappings kept of the pages that faults are of, and estimates tried. */
const heldMax = 20_000;
const estimatesMax = 4_000;
const examplesMax = 5;

/** A mapping that held an address, from when to when (microseconds of the recording; no end: alive at its end). */
interface Held {
  readonly address: number;
  readonly size: number;
  readonly direction: number;
  /** Coherent memory, which has no direction. */
  readonly coherent: boolean;
  readonly from: number;
  readonly to: number;
  readonly task: string;
}

interface Asked {
  readonly fault: LogFault;
  readonly address: number;
  readonly held: readonly Held[];
}

export class LogFaults {
  readonly #faults: readonly LogFault[];
  /** Pages that faults are of, by the device's full name, and what held them. */
  readonly #pages = new Map<string, Map<number, Held[]>>();
  #kept = 0;

  constructor(faults: readonly LogFault[]) {
    this.#faults = faults;
    for (const { device, address } of faults) {
      if (device === null || address === null) continue;
      const name = fullName(device);
      let pages = this.#pages.get(name);
      if (pages === undefined) {
        pages = new Map();
        this.#pages.set(name, pages);
      }
      pages.set(pageOf(Number(address)), []);
    }
  }

  get any(): boolean {
    return this.#faults.length > 0;
  }

  /** A mapping of a device of that name has ended, or is alive at the recording's end. */
  held(device: string, h: Held): void {
    const pages = this.#pages.get(fullName(device));
    if (pages === undefined || this.#kept >= heldMax) return;
    const [first, last] = [pageOf(h.address), pageOf(h.address + Math.max(1, h.size) - 1)];
    const some = last - first < pages.size ? range(first, last) : pages.keys();
    for (const page of some) {
      if (page < first || page > last) continue;
      const list = pages.get(page);
      if (list === undefined) continue;
      list.push(h);
      this.#kept++;
    }
  }

  /** @param known whether the recording itself tells of a refused access of the device to a page */
  list(known: (device: string, page: number) => boolean): DeviceFaults[] {
    const asked = this.#faults
      .map((fault): Asked => {
        const address = fault.address === null ? Number.NaN : Number(fault.address);
        const pages = fault.device === null ? undefined : this.#pages.get(fullName(fault.device));
        return { fault, address, held: pages?.get(pageOf(address)) ?? [] };
      })
      .filter(({ fault, address }) => fault.device === null || !known(fullName(fault.device), pageOf(address)));
    const apart = clocksApart(asked);
    const rows = new Map<string, Asked[]>();
    for (const a of asked) {
      const name = nameOf(a.fault);
      const row = rows.get(name);
      if (row === undefined) rows.set(name, [a]);
      else row.push(a);
    }
    return [...rows].map(([device, row]) => rowOf(device, row, apart));
  }
}

function rowOf(device: string, row: readonly Asked[], apart: Apart): DeviceFaults {
  const pages = new Set<number>();
  const examples: string[] = [];
  let [writes, afterUnmap, whileMapped] = [0, 0, 0];
  for (const a of row) {
    if (a.fault.write === true) writes++;
    const { relation, words } = relationOf(a, apart);
    if (relation === "unmapped") afterUnmap++;
    else if (relation === "mapped") whileMapped++;
    const isKnown = pages.has(pageOf(a.address));
    pages.add(pageOf(a.address));
    if (!isKnown && examples.length < examplesMax) examples.push(exampleOf(a, words));
  }
  const times = row.map(({ fault }) => fault.time).filter((t) => t !== null);
  return {
    device,
    count: row.length,
    writes,
    first: times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b)) / 1e6,
    last: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)) / 1e6,
    pages: pages.size,
    afterUnmap,
    whileMapped,
    examples,
    fromLog: true,
  };
}

function exampleOf({ fault, address }: Asked, words: string): string {
  if (fault.interrupt) return `asked for an interrupt that was refused${whenWords(fault)}`;
  const did = fault.write === true ? "wrote to" : fault.write === false ? "read" : "used";
  const what = Number.isNaN(address) ? `${did} an address that the log does not tell` : `${did} ${hex(address)}`;
  return `${what}${whenWords(fault)}${words}`;
}

const whenWords = ({ time }: LogFault): string =>
  time === null ? ", as the log says" : ` at ${seconds(time)} of the log`;

interface Relation {
  readonly relation: "unmapped" | "mapped" | "unseen" | "unknown";
  readonly words: string;
}

function relationOf({ fault, held }: Asked, { least, sure }: Apart): Relation {
  if (fault.device === null) return { relation: "unknown", words: ": the log does not name the device" };
  if (fault.interrupt) return { relation: "unknown", words: "" };
  if (held.length === 0) return { relation: "unseen", words: ": no mapping of it is in the recording" };
  if (fault.time === null || Number.isNaN(least)) {
    const words = ": the log's clock and the recording's cannot be joined, so whether it was mapped then is not known";
    return { relation: "unknown", words };
  }
  const time = fault.time + least;
  const over = held.find((h) => h.from <= time && time < h.to);
  if (over !== undefined) {
    const what = `a ${heldWords(over)}`;
    // The clocks may be a little further apart than estimated, never less.
    if (over.to - time <= soonMax) {
      return {
        relation: "unknown",
        words: `, while it was mapped or shortly after (${what}, until ${seconds(over.to)})`,
      };
    }
    return { relation: "mapped", words: `, while it was mapped: ${what}` };
  }
  const before = lastEnded(held, time);
  if (before === null || time - before.to > lately) {
    return { relation: "unseen", words: ": no mapping of it was alive then, as far as the recording goes" };
  }
  if (!sure && time - before.to <= soonMax) {
    const words = `, while it was mapped or shortly after (a ${heldWords(before)}, until ${seconds(before.to)})`;
    return { relation: "unknown", words };
  }
  const task = before.task.replace(/-\d+$/, "");
  const who = task === "" ? "was unmapped" : `task ${task} ${before.coherent ? "freed" : "unmapped"} it`;
  const words = `, ${laterWords(time - before.to)} after ${who} (a ${heldWords(before)}) at ${seconds(before.to)}`;
  return { relation: "unmapped", words };
}

/** The estimate of the clocks is no better than how soon faults come. */
const laterWords = (microseconds: number): string =>
  microseconds <= soonMax ? "shortly" : `about ${gapWords(microseconds)}`;

const heldWords = (h: Held): string => `${kindWords(h.coherent, h.direction)} of ${bytesExactly(h.size)}`;

function lastEnded(held: readonly Held[], time: number): Held | null {
  let last: Held | null = null;
  for (const h of held) if (h.to <= time && (last === null || h.to > last.to)) last = h;
  return last;
}

/** How far the recording's clock is ahead of the log's, microseconds. */
interface Apart {
  /** The least that it can be; NaN where nothing shows it. */
  readonly least: number;
  /** Whether an access shows it that the mapping allowed while it was alive, so that it came after. */
  readonly sure: boolean;
}

/**
 * Most faults come soon after an unmapping then. Nothing shows it where fewer than two agree, or where two estimates
 * explain as many.
 */
function clocksApart(asked: readonly Asked[]): Apart {
  const dated = asked.filter(({ fault, held }) => fault.time !== null && held.length > 0);
  const tried: { ahead: number; allowed: boolean }[] = [];
  for (const { fault, held } of dated) {
    for (const h of held) {
      const ahead = h.to - fault.time!;
      const allowed = isAllowed(h.direction, fault.write);
      if (Math.abs(ahead) <= apartMax && tried.length < estimatesMax) tried.push({ ahead, allowed });
    }
  }
  const scores = tried.map((t) => ({ ...t, count: dated.filter((a) => isSoon(a, t.ahead)).length }));
  const most = scores.reduce((n, s) => Math.max(n, s.count), 0);
  const best = scores.filter((s) => s.count === most).map((s) => s.ahead);
  const [from, to] = [Math.min(...best), Math.max(...best)];
  if (most < 2 || to - from > alikeMax) return { least: Number.NaN, sure: false };
  // Each of these came after its unmapping: the last of them is the nearest bound.
  const after = tried.filter((t) => t.allowed && t.ahead >= from - soonMax && t.ahead <= to).map((t) => t.ahead);
  return after.length === 0 ? { least: from, sure: false } : { least: Math.max(...after), sure: true };
}

/** Whether a mapping of that direction lets the device read or write. */
function isAllowed(direction: number, write: boolean | null): boolean {
  if (direction === Direction.bidirectional) return true;
  return write !== null && direction === (write ? Direction.fromDevice : Direction.toDevice);
}

function isSoon({ fault, held }: Asked, ahead: number): boolean {
  const time = fault.time! + ahead;
  const before = lastEnded(held, time);
  return before !== null && time - before.to <= soonMax && !held.some((h) => h.from <= time && time < h.to);
}

const pageOf = (address: number): number => Math.floor(address / pageBytes);

/** A PCI device without its segment is of the first one. */
const fullName = (device: string): string =>
  /^[0-9a-f]{2}:[0-9a-f]{2}\.\d$/i.test(device) ? `0000:${device}` : device;

function nameOf({ device, stream, by }: LogFault): string {
  if (device !== null) return fullName(device);
  return stream === null ? "an unknown device" : `stream ${hex(stream)}${by === null ? "" : ` of ${by}`}`;
}

function* range(first: number, last: number): Iterable<number> {
  for (let n = first; n <= last; n++) yield n;
}
