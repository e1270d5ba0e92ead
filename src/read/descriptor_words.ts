import type { EventBatch } from "./event.js";

/** The four words of 32 bits of event i, a `descriptor`, as the layouts of `spec/vtd/descriptors` read them. */
export function descriptorWords(batch: EventBatch, i: number, words: Uint32Array): void {
  words[0] = batch.attrs[i]!;
  words[1] = batch.size[i]!;
  words[2] = batch.phys[i]!;
  words[3] = batch.mask[i]!;
}
