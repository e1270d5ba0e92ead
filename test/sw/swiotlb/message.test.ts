/** What the kernel's log says of the pool, letter for letter. */
import { expect, test } from "vitest";
import { message } from "../../../src/sw/swiotlb/index.js";

const lines: readonly (readonly [said: string, line: string])[] = [
  [
    message.bufferIsFull({ size: 262144, total: 512, used: 473 }),
    "swiotlb buffer is full (sz: 262144 bytes), total 512 (slots), used 473 (slots)",
  ],
  [
    message.addressOverflow({ address: 0x1_fe00_0000, size: 4096, mask: 2 ** 32 - 1, limit: 0 }),
    "swiotlb addr 0x00000001fe000000+4096 overflow (mask ffffffff, bus limit 0).",
  ],
  [
    message.bufferOverflow({ allocated: 2048, size: 4096 }),
    "Buffer overflow detected. Allocation size: 2048. Mapping size: 4096.",
  ],
  [
    message.accessBeforeStart({ kept: 512, asked: 2 }),
    "Access before mapping start detected. orig offset 512, requested offset 2.",
  ],
  [
    message.poolMapped({ from: 0x7c00_0000, to: 0x8000_0000 }),
    "mapped [mem 0x000000007c000000-0x0000000080000000] (64MB)",
  ],
  [message.poolMapped({ from: 0, to: 2 ** 21 - 1 }), "mapped [mem 0x0000000000000000-0x00000000001fffff] (1MB)"],
  [message.areaCount(4), "area num 4."],
  [message.sizeRoundedUp(65536), "SWIOTLB bounce buffer size roundup to 128MB"],
  [message.sizeRoundedUp(1023), "SWIOTLB bounce buffer size roundup to 1MB"],
  [message.sizeAdjusted(3 * 2 ** 20 - 1), "SWIOTLB bounce buffer size adjusted to 2MB"],
  [message.slotsAdjusted({ from: 65536, to: 1024 }), "SWIOTLB bounce buffer size adjusted 65536 -> 1024 slabs"],
  [message.allocationFailed(67108864), "swiotlb_memblock_alloc: Failed to allocate 67108864 bytes tlb structure"],
  [message.onlyAllocated(5 * 2 ** 20 + 1), "only able to allocate 5 MB"],
  [
    message.restrictedPoolCreated({ base: 0xfd00_0000, bytes: 4 * 2 ** 20 }),
    "Reserved memory: created restricted DMA pool at 0x00000000fd000000, size 4 MiB",
  ],
  [message.pagesNotAligned(0x1800), "Cannot allocate pages from non page-aligned swiotlb addr 0x0x0000000000001800."],
];

test.each(lines)("%s", (said, line) => {
  expect(said).toBe(line);
});
