/** Second stages of SMMUv3 streams: random ones, and ones below which first stages lie. */
import type { Rng } from "../../src/base/rng.js";
import { write } from "../../src/bits/field.js";
import { StreamEntry as Ste } from "../../src/spec/smmuv3/stream_table.js";
import { Mapper, type TableRoot } from "../../src/table/index.js";
import { trace } from "../../src/table/trace.js";
import type { Kept } from "./random_map.js";
import { dataAt, dataBytes, resultsAt, type TestMemory } from "./test_memory.js";

/** By granule: S2TG, S2SL0 of the document's level 1 (2 for the largest), log2 of a table, smallest and largest S2T0SZ. */
const kinds = [
  { tg: 0, sl0: 1, lg2: 12, shift: 30, sizes: [22, 32] },
  { tg: 2, sl0: 1, lg2: 14, shift: 25, sizes: [25, 32] },
  { tg: 1, sl0: 1, lg2: 16, shift: 29, sizes: [22, 32] },
] as const;

/** Fill the fields of the second stage; its table is new and empty. */
export function writeSecondStage(memory: TestMemory, rng: Rng, ste: Uint32Array): void {
  const { tg, sl0, lg2, shift, sizes } = kinds[rng.below(kinds.length)]!;
  const size = sizes[0] + rng.below(sizes[1] - sizes[0] + 1);
  // Up to 16 tables side by side, aligned to all of them.
  const bytes = Math.max(2 ** lg2, 2 ** (64 - size - shift + 3));
  write(ste, 0, Ste.s2T0sz, size);
  write(ste, 0, Ste.s2Sl0, sl0);
  write(ste, 0, Ste.s2Tg, tg);
  write(ste, 0, Ste.s2Ps, 4);
  write(ste, 0, Ste.s2Aa64, 1);
  write(ste, 0, Ste.s2R, 1);
  write(ste, 0, Ste.s2Affd, rng.below(4) === 0 ? 1 : 0);
  write(ste, 0, Ste.s2Vmid, 1 + rng.below(200));
  write(ste, 0, Ste.s2Ttb, (memory.allocate(rng, bytes / 4096) * 4096) / 16);
}

/**
 * A second stage under a first one: tables and results at their own addresses, data shuffled in large pieces, some of
 * them missing, read-only or write-only.
 */
export function mapBelow(memory: TestMemory, rng: Rng, root: TableRoot, kept: Kept): void {
  const superpages = rng.below(2) === 0;
  const mapper = new Mapper(memory, root, (n) => memory.allocate(rng, n), {
    superpages,
    contiguous: rng.below(2) === 0,
  });
  mapper.map(memory.base, memory.base, dataAt, 3);
  for (const step of trace(memory, root, memory.base + resultsAt, 3).steps) kept.add(step.at);
  const piece = 2 ** 21;
  for (let at = 0; at < dataBytes; at += piece) {
    const to = Math.floor(rng.below(dataBytes / piece)) * piece;
    const allow = ([3, 3, 3, 3, 1, 2, 0] as const)[rng.below(7)]!;
    if (allow !== 0) mapper.map(memory.base + dataAt + at, memory.base + dataAt + to, piece, allow);
  }
}
