/** What a pool does is taken back by its journal, word by word; and the index, which is no state, is right afterwards. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { MachineState, type Mark } from "../../../src/state/index.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import type { PoolShape } from "../../../src/sw/swiotlb/pool_shape.js";
import { expectEqual } from "../../equal.js";
import { amount } from "../../tier.js";
import { allocMasks, boundaries, minMasks } from "./same_answers.js";

type Shape = Omit<PoolShape, "state">;

/** One thing done to a pool: done again on another pool it does the same. */
type Deed = (pool: Pool) => unknown;

/** Everything that a pool can be asked to do, drawn; `live` are offsets with their masks. */
function drawn(rng: Rng, pool: Pool, live: readonly { readonly at: number; readonly min: number }[]): Deed {
  const pick = <T>(from: readonly T[]): T => from[rng.below(from.length)]!;
  const [cpu, low, size] = [rng.below(4), rng.below(2 ** 32), 1 + rng.below(pick([2048, 8192, 65536]))];
  const [min, alloc, boundary] = [pick(minMasks), pick(allocMasks), pick(boundaries)];
  const kind = rng.below(20);
  if (kind < 9 && live.length > 0) {
    const { at, min: own } = pick(live);
    // Now and then under another mask: a slot stays behind.
    const mask = rng.below(20) === 0 ? 0 : own;
    return (p) => p.unmap(at, mask);
  }
  if (kind === 9) return (p) => p.allocate(cpu, size, min & 0xfff, alloc);
  if (kind === 10 && live.length > 0) {
    const { at } = pick(live);
    return (p) => p.setTag(at, low >>> 1);
  }
  if (kind === 11) {
    const area = rng.below(pool.areas);
    const index = rng.below(pool.areaSlots);
    return (p) => p.setAreaIndex(area, index);
  }
  if (kind === 13) {
    const at = rng.below(pool.slots) * 2048 + (low & min & 2047);
    return (p) => p.place(at, 1, low, size, min, alloc);
  }
  return (p) => p.map(cpu, 1, low, size, min, alloc, boundary);
}

function sum(pool: Pool): number {
  let slots = 0;
  pool.forEachAllocation((_, count) => {
    slots += count;
  });
  return slots;
}

const shapes: readonly (readonly [string, Shape])[] = [
  ["one area", { start: 0x7000_0000, slots: 512, areas: 1 }],
  ["three areas that slot sets do not divide", { start: 0x1000, slots: 1000, areas: 3 }],
  ["groups of slot sets", { start: 0x4000_1000, slots: 4500, areas: 2 }],
];

describe.each(shapes)("a pool with %s", (_, shape) => {
  test("to any of nested marks: every word, and every later answer, as if it had never been done", () => {
    const rng = new Rng(31);
    const state = new MachineState();
    const pool = new Pool({ ...shape, state });
    state.begin();
    const words = () => state.parts.map((p) => p.copy());
    const done: Deed[] = [];
    const marks: { mark: Mark; words: Uint32Array[]; deeds: number }[] = [];
    const live = (): { at: number; min: number }[] => {
      const found: { at: number; min: number }[] = [];
      pool.forEachAllocation((head) => found.push({ at: (head + pool.padSlotsAt(head)) * 2048, min: 0xfff }));
      return found;
    };
    let undone = 0;
    for (let n = 0; n < amount(1500, 20_000); n++) {
      const kind = rng.below(30);
      if (kind < 3) marks.push({ mark: state.mark(), words: words(), deeds: done.length });
      else if (kind === 3 && marks.length > 0) {
        const back = marks.splice(rng.below(marks.length))[0]!;
        state.undoTo(back.mark);
        done.length = back.deeds;
        expectEqual(words(), back.words);
        expect(pool.used).toBe(sum(pool));
        // What was searched in vain meanwhile has lowered bounds: they are of another time.
        const anew = new Pool(shape);
        for (const deed of done) deed(anew);
        for (let i = 0; i < 20; i++) {
          const [cpu, low, size] = [rng.below(4), rng.below(2 ** 32), 1 + rng.below([2048, 65536, 262144][i % 3]!)];
          const [min, alloc] = [minMasks[rng.below(minMasks.length)]!, allocMasks[rng.below(allocMasks.length)]!];
          expect(pool.find(cpu, 1, low, size, min, alloc, 0)).toBe(anew.find(cpu, 1, low, size, min, alloc, 0));
        }
        undone++;
      } else {
        const deed = drawn(rng, pool, live());
        deed(pool);
        done.push(deed);
        if (rng.below(4) === 0) for (const size of [4096, 65536, 262144]) pool.find(0, 1, 0, size, 0, 0, 0);
      }
      // The pool is used up and emptied by turns.
      if (pool.used > 0.95 * shape.slots && rng.below(3) === 0) {
        for (const { at, min } of live().slice(0, 40)) {
          pool.unmap(at, min);
          done.push((p) => p.unmap(at, min));
        }
      }
    }
    expect(undone).toBeGreaterThan(20);
  });
});

test("a search that was in vain does not outlast what made it so", () => {
  const state = new MachineState();
  const pool = new Pool({ start: 0, slots: 512, areas: 1, state });
  state.begin();
  const mark = state.mark();
  for (let n = 0; n < 256; n++) pool.map(0, 0, 0, 4096, 0, 0, 0);
  expect(pool.find(0, 0, 0, 262144, 0, 0, 0)).toBe(-1);
  state.undoTo(mark);
  expect([pool.used, pool.find(0, 0, 0, 262144, 0, 0, 0)]).toEqual([0, 0]);
});

test("a pool alone notes nothing, and cannot be taken back", () => {
  const state = new MachineState();
  const pool = new Pool({ start: 0, slots: 128, areas: 1, state });
  expect(() => state.mark()).toThrow(/journal is on/);
  pool.map(0, 0, 0, 4096, 0, 0, 0);
  state.begin();
  const mark = state.mark();
  expect(state.changedSince(mark)).toEqual([]);
  pool.map(0, 0, 0, 2048, 0, 0, 0);
  expect(state.changedSince(mark).map((c) => `${c.part}: ${c.cell} ${c.from} to ${c.to}`)).toEqual([
    "swiotlb pool at 0x0, allocations: words[8] 0 to 1",
    "swiotlb pool at 0x0, allocations: words[9] 0 to 2048",
    "swiotlb pool at 0x0, allocations: words[11] 0 to 4294967295",
    "swiotlb pool at 0x0, free slots: bits[0] 4294967292 to 4294967288",
    "swiotlb pool at 0x0, use: indexes[0] 2 to 3",
    "swiotlb pool at 0x0, use: usedByArea[0] 2 to 3",
  ]);
});
