/**
 * An address that was used again while a cache may have translated what it was before: whether the recording proves it.
 *
 * The absence of an event proves nothing where it may not have been recorded: then it is unknown, and said why.
 */
import { hex } from "../../../base/hex.js";
import { secondsExactly as seconds } from "../../words/quantity.js";
import type { Cache } from "./caches.js";
import type { Mark, Unmapping } from "./unmapping.js";

export interface Suspicion {
  readonly unmapping: Unmapping;
  readonly reuse: Mark & { readonly device: number };
  /** Caches that still held some of it then. */
  readonly caches: readonly Cache[];
}

/** What is known of the recording at its end. */
export interface Evidence {
  /** Time from which it has the events of every CPU. */
  readonly completeFrom: number;
  readonly stopped: { readonly time: number } | null;
  /** Spans of time in which events were lost. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** Why events of others may be missing throughout; null: they are not. */
  readonly partial: string | null;
}

/** Clocks of CPUs differ by less, microseconds. */
const skew = 100;

/** @returns why an event between two times (microseconds) may be missing; null where none is */
export function doubtOfSpan(from: number, to: number, e: Evidence): string | null {
  if (e.partial !== null) return e.partial;
  if (from < e.completeFrom) return "not every CPU's events go back so far";
  if (e.stopped !== null && to > e.stopped.time) return "the events of a CPU stop before";
  return e.gaps.some((gap) => gap.from <= to && gap.to >= from) ? "events were lost meanwhile" : null;
}

/** @returns why it cannot be told; null for what is proven */
export function doubt(s: Suspicion, e: Evidence): string | null {
  const { unmapping: u, reuse, caches } = s;
  if (e.partial !== null) return e.partial;
  if (u.isPieces) return "invalidations came in pieces";
  const missing = doubtOfSpan(u.at.time, reuse.time, e);
  if (missing !== null) return missing;
  const shown = ({ first, last }: Cache) => first < u.at.time && last > reuse.time;
  if (!caches.every(shown)) return "invalidations of these caches are not recorded before and after";
  if (u.covered !== null && u.covered.cpu !== reuse.cpu && u.covered.time - reuse.time < skew)
    return "the clocks of CPUs may differ by more than what lies between";
  return null;
}

export interface Names {
  device(device: number): string;
  task(task: number): string;
}

/** "0xfffff000 to 0xffffffff of 0000:00:03.0, unmapped at 5.1 s (CPU 1, idle-0), was mapped again at ..." */
export function accusation({ unmapping: u, reuse, caches }: Suspicion, names: Names): string {
  const by = ({ time, cpu, task }: Mark) => `${seconds(time)} (CPU ${cpu}, ${task < 0 ? "?" : names.task(task)})`;
  const held = caches.map(({ of, requester }) =>
    of === "unit" ? "the IOTLB" : `the TLB of ${functionName(requester)}`,
  );
  const late = u.covered !== null ? `was told to forget it at ${by(u.covered)} only` : "was not told to forget it";
  return (
    `${hex(u.from)} to ${hex(u.to - 1)} of ${names.device(u.device)}, unmapped at ${by(u.at)}, was mapped again for ` +
    `${names.device(reuse.device)} at ${by(reuse)}, and ${held.join(" and ")} ${late}`
  );
}

const two = (n: number) => n.toString(16).padStart(2, "0");
const functionName = (requester: number): string =>
  requester < 0 ? "a device" : `${two(requester >> 8)}:${two((requester >> 3) & 31)}.${requester & 7}`;
