/** The kernel's own counters of its pool, in the forms in which they are kept. */
import { expect, test } from "vitest";
import { readPoolCounters } from "../../src/read/pool_counters.js";

test.each([
  [
    "names and numbers",
    "io_tlb_nslabs 512\nio_tlb_used 255\nio_tlb_used_hiwater 511\n",
    { slots: 512, used: 255, hiwater: 511 },
  ],
  [
    "grep's",
    "/sys/kernel/debug/swiotlb/io_tlb_nslabs:32768\n/sys/kernel/debug/swiotlb/io_tlb_used:7\n",
    { slots: 32768, used: 7, hiwater: null },
  ],
  ["something else", "nothing of this kind\n", null],
])("%s", (_what, text, expected) => {
  expect(readPoolCounters(text)).toEqual(expected);
});
