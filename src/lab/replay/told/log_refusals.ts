/**
 * Refusals that the kernel's log tells of, found again among the requests of a recording that does not show what became
 * of them.
 *
 * The message is written by the CPU that searched, moments after `swiotlb_bounced`; both clocks count from boot. The size
 * in the message is the request's, since 2024 with the offset that the alignment adds. Messages are limited to ten in
 * five seconds. Source: Linux kernel/dma/swiotlb.c, swiotlb_tbl_map_single; include/linux/ratelimit.h.
 */
import type { LogRefusal } from "../machine/log_facts.js";

/** The trace's clock and the log's may be this far apart, and the message this much later (microseconds). */
const earlyMax = 2_000;
const lateMax = 50_000;
/** What an alignment may add to a request's size. */
const offsetMax = 0xffff;

/** A request to bounce: device, moment (microseconds) and bytes. */
export interface Request {
  readonly device: string;
  readonly time: number;
  readonly size: number;
}

/** Clocks further apart are of two boots; lines that the estimate is made from. */
const apartMax = 60e6;
const estimatedFrom = 40;

/**
 * How far the recording's clock is ahead of the log's, microseconds: most lines then follow a request of their device and
 * size. 0 where the clocks agree, or where several estimates explain as many lines: then those lines find no request.
 */
export function logAhead(lines: readonly LogRefusal[], requests: readonly Request[]): number {
  const some = lines.slice(0, estimatedFrom);
  if (some.length < 3) return 0;
  /** Lines that each difference explains, in steps of the time that a line may come late. */
  const votes = new Map<number, { lines: Set<number>; most: number }>();
  let agree = 0;
  some.forEach((line, n) => {
    let isNear = false;
    for (const { device, time, size } of requests) {
      const ahead = time - line.time;
      if (Math.abs(ahead) > apartMax || !isSizeOf(line.size, size)) continue;
      if (line.device !== null && line.device !== device) continue;
      isNear ||= ahead <= earlyMax && ahead >= -lateMax;
      const step = Math.floor(ahead / lateMax);
      const vote = votes.get(step) ?? { lines: new Set(), most: ahead };
      vote.lines.add(n);
      vote.most = Math.max(vote.most, ahead);
      votes.set(step, vote);
    }
    if (isNear) agree++;
  });
  if (agree * 2 >= some.length) return 0;
  const best = [...votes].sort(([, a], [, b]) => b.lines.size - a.lines.size);
  const first = best[0];
  if (first === undefined || first[1].lines.size < Math.max(3, some.length * 0.6)) return 0;
  const rival = best.find(([step, v]) => Math.abs(step - first[0]) > 1 && v.lines.size > first[1].lines.size * 0.7);
  return rival === undefined ? first[1].most : 0;
}

export class LogRefusals {
  readonly #byDevice = new Map<string, { readonly refusal: LogRefusal; taken: boolean }[]>();
  readonly #all: readonly LogRefusal[];
  matched = 0;

  /** @param ahead how far the requests' clock is ahead of the lines', microseconds */
  constructor(all: readonly LogRefusal[], ahead = 0) {
    this.#all = all;
    const shifted = ahead === 0 ? all : all.map((line) => ({ ...line, time: line.time + ahead }));
    for (const refusal of [...shifted].sort((a, b) => a.time - b.time)) {
      const key = refusal.device ?? "";
      const lines = this.#byDevice.get(key);
      if (lines === undefined) this.#byDevice.set(key, [{ refusal, taken: false }]);
      else lines.push({ refusal, taken: false });
    }
  }

  /** The line that tells of this request's refusal, which no other request has; null when there is none. */
  of(device: string, time: number, size: number): LogRefusal | null {
    for (const lines of [this.#byDevice.get(device), this.#byDevice.get("")]) {
      for (let k = firstAfter(lines ?? [], time - earlyMax); lines !== undefined && k < lines.length; k++) {
        const line = lines[k]!;
        if (line.refusal.time > time + lateMax) break;
        if (line.taken || !isSizeOf(line.refusal.size, size)) continue;
        line.taken = true;
        this.matched++;
        return line.refusal;
      }
    }
    return null;
  }

  /** Lines that no recorded request explains. */
  get unmatched(): number {
    return this.#all.length - this.matched;
  }
}

/** Whether a line's size is that of a request, or leaves it open. */
export const isSizeOf = (logged: number | null, asked: number): boolean =>
  logged === null || (logged >= asked && logged <= asked + offsetMax);

/** Sizes of which the log says that a device was refused them. */
export function refusalsSaid(
  refusals: readonly LogRefusal[],
  names: readonly string[],
): (device: number, size: number) => boolean {
  const known = new Map<string, boolean>();
  return (device, size) => {
    const key = `${device} ${size}`;
    const said = known.get(key) ?? refusals.some((r) => r.device === (names[device] ?? "") && isSizeOf(r.size, size));
    known.set(key, said);
    return said;
  };
}

function firstAfter(lines: readonly { readonly refusal: LogRefusal }[], time: number): number {
  let low = 0,
    high = lines.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (lines[mid]!.refusal.time < time) low = mid + 1;
    else high = mid;
  }
  return low;
}
