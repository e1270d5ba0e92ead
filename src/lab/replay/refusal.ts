/** Why a pool refused a request, and the same in one sentence, for someone who never read the allocator. */
import { mappingBytesMax } from "../../spec/swiotlb/sizes.js";
import { type Pool, whyFull } from "../../sw/swiotlb/index.js";
import type { Failure, FailureReason } from "./failure.js";
import type { Operation } from "./operation.js";

/** How a device's requests are placed, at a time (microseconds; as for the most part without one). */
export interface Alignments {
  minAlignMask(device: number, time?: number): number;
  allocAlignMask(device: number): number;
  boundarySlots(device: number, time?: number): number;
}

export interface Refusal {
  readonly reason: FailureReason;
  /** Slots that were asked for, padding included; 0 when the pool did not refuse. */
  readonly slots: number;
}

/** What the pool, as it is now, lacks for the request; it must have refused it. */
export function refusalOf(pool: Pool, op: Operation, a: Alignments): Refusal {
  const full = whyFull(pool, {
    cpu: op.cpu,
    orig: op.orig,
    size: op.size,
    minAlignMask: a.minAlignMask(op.device, op.lo),
    allocAlignMask: a.allocAlignMask(op.device),
    boundarySlots: a.boundarySlots(op.device, op.lo),
  });
  return full === null ? { reason: "unknown", slots: 0 } : { reason: full.reason, slots: full.slots };
}

type Facts = Omit<Failure, "words" | "picture">;

const sentences: Readonly<Record<FailureReason, (f: Facts) => string>> = {
  "too-large": (f) =>
    `${f.size} bytes can never fit: one mapping is at most ${mappingBytesMax} bytes, less the room for alignment`,
  exhausted: (f) => `${f.slots} slots were asked for and only ${f.free} of ${f.free + f.used} were free`,
  fragmented: (f) =>
    `${f.slots} slots in a row were asked for; ${f.free} were free, but the longest run had ${f.longestRun}`,
  area: (f) => `${f.free} slots were free in all, but no single area had ${f.slots} free`,
  alignment: (f) =>
    `runs of ${f.slots} free slots existed, but none began where the device's alignment wants it (${f.free} free)`,
  boundary: (f) => `every free run of ${f.slots} slots crosses the device's segment boundary (${f.free} free)`,
  mask: () => "the pool lies above what the device can address",
  absent: () => "there is no pool to bounce through",
  unknown: (f) =>
    `the model had room for ${f.slots} slots (${f.free} free): what the kernel lacked is not in the recording`,
};

export function failureWords(f: Facts): string {
  return sentences[f.reason](f);
}
