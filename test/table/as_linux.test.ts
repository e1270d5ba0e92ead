/** What our mapper stores for a page of a real machine is what Linux had stored there, bit for bit. */
import { expect, test } from "vitest";
import { Memory } from "../../src/mem/memory.js";
import { Mapper, type Need, trace } from "../../src/table/index.js";
import { captures, imageOf, tablesOf } from "./captured.js";

/**
 * Entries that lead to tables carry a bit of software's own where walks do not snoop: whether it was written back.
 * Source: Linux drivers/iommu/generic_pt/fmt/vtdss.h, x86_64.h (pt_sw_bit).
 */
const writtenBack = { "vtd-ss": 1 << 10, "vtd-fs": 1 << 9 } as const;

test.each(captures)("%s", (capture) => {
  const image = imageOf(capture);
  const tables = tablesOf(capture).filter(({ leaves }) => leaves.length > 0);
  expect(tables.length).toBeGreaterThan(1);
  for (const { root, leaves } of tables) {
    const { iova, paddr, bytes, allow } = leaves.find((l) => l.allow === 3) ?? leaves[0]!;
    const { steps } = trace(image, root, BigInt(iova), allow as Need);
    const frames = steps.map(({ at }) => Math.floor(at / 4096));
    const memory = new Memory(2 ** 20);
    for (const frame of frames) memory.fill(frame * 4096, 4096, 0);
    const below = frames.slice(1);
    const made = new Mapper(memory, root, () => below.shift()!, { encodedSizes: capture === "amdvi" });
    made.map(iova, paddr, bytes, allow as 3);
    const own = writtenBack[root.format as keyof typeof writtenBack] ?? 0;
    for (const { at, words, kind, name } of steps) {
      const low = kind === "table" ? (words[0]! & ~own) >>> 0 : words[0]!;
      expect([memory.load32(at), memory.load32(at + 4)], `${name} at ${at}`).toEqual([low, words[1]!]);
    }
  }
});
