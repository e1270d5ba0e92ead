/** A mapping that failed, and why, also in one sentence for someone who never read the allocator. */
import { mappingBytesMax } from "../../../spec/swiotlb/sizes.js";
import type { FailureReason } from "../contracts/refusal.js";

/** `count` slots from `slot` belong to `device` (an index into `devices`, -1 = a mapping of unknown origin). */
export interface SlotRun {
  readonly slot: number;
  readonly count: number;
  readonly device: number;
}

export interface Failure {
  readonly time: number;
  /** Index into `devices`. */
  readonly device: number;
  readonly cpu: number;
  /** Bytes asked for; `slots` is what they need. */
  readonly size: number;
  readonly slots: number;
  readonly reason: FailureReason;
  /** Free slots of the whole pool, and the longest run of them inside one slot set, at that instant. */
  readonly free: number;
  readonly longestRun: number;
  readonly used: number;
  /** True for an entry of a dma_map_sg list: the kernel writes no event when such a list is refused. */
  readonly list: boolean;
  /** One sentence: what was asked, what was there. */
  readonly words: string;
  /** Who held which slots at that instant, in order of slot; null beyond the number of pictures kept. */
  readonly picture: readonly SlotRun[] | null;
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
