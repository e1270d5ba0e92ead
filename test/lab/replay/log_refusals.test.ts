/** Refusals that a log tells of, found again among requests whose outcome is not recorded. */
import { describe, expect, test } from "vitest";
import { LogRefusals, logAhead } from "../../../src/lab/replay/told/log_refusals.js";
import { logFacts } from "../../../src/library/log_facts.js";
import { readKernelLog } from "../../../src/read/index.js";
import { replayed } from "../replayed.js";

const full = (time: number, device: string | null, size: number | null) => ({
  time,
  device,
  size,
  total: 512,
  used: 512,
});

describe("a line belongs to the request just before it", () => {
  const rows: readonly (readonly [string, ReturnType<typeof full>, boolean])[] = [
    ["of the same device and size", full(1_000_050, "a", 4096), true],
    ["a moment before, by clocks that differ a little", full(999_500, "a", 4096), true],
    ["with the alignment's offset in its size", full(1_000_050, "a", 4608), true],
    ["without a size", full(1_000_050, "a", null), true],
    ["without a device", full(1_000_050, null, 4096), true],
    ["of another device", full(1_000_050, "b", 4096), false],
    ["of a smaller request", full(1_000_050, "a", 2048), false],
    ["long after", full(2_000_000, "a", 4096), false],
    ["long before", full(500_000, "a", 4096), false],
  ];
  test.each(rows)("%s", (_what, line, found) => {
    const refusals = new LogRefusals([line]);
    expect(refusals.of("a", 1_000_000, 4096) !== null).toBe(found);
    expect(refusals.unmatched).toBe(found ? 0 : 1);
  });

  test("and to one request only", () => {
    const refusals = new LogRefusals([full(10, "a", 4096), full(20, "a", 4096)]);
    expect([1, 2, 3].map((t) => refusals.of("a", t, 4096)?.time ?? null)).toEqual([10, 20, null]);
  });
});

const line = (time: string, size: number) =>
  `jbd2-289     [006] .....   ${time}: swiotlb_bounced: dev_name: d4281000.sdh dma_mask=ffffffff dev_addr=17c407000 size=${size} NORMAL`;
const log = `[    0.000000] Linux version 6.6.36 (x@y) (gcc 13) #1 SMP
[    0.000000] software IO TLB: mapped [mem 0x0000000070000000-0x0000000070100000] (1MB)
[  197.926041] sdhci-spacemit d4281000.sdh: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 511 (slots)
[  198.000000] sdhci-spacemit d4281000.sdh: swiotlb buffer is full (sz: 65536 bytes), total 512 (slots), used 500 (slots)
[  199.000000] swiotlb_tbl_map_single: 17 callbacks suppressed
`;

test("requests of a kernel without dma:* events: refused ones by the log, the rest unknown", async () => {
  const text = [line("197.926040", 4096), line("197.926052", 4096), line("197.930000", 8192)].join("\n");
  const o = await replayed(`${text}\n`, { log: logFacts(readKernelLog(log)) });
  expect(o.maps).toMatchObject({ total: 3, failed: 1, unknown: 2, direct: 0, bounced: 0 });
  expect(o.requests).toMatchObject({
    devices: [{ count: 3, bytes: 16384, least: 4096, most: 8192, refused: 1 }],
    refused: [{ time: 197926040, size: 4096, total: 512, used: 511 }],
    log: { matched: 1, unmatched: 1, suppressed: 17 },
  });
  expect([o.pool, o.timeline, o.slotMap, o.whatIf]).toEqual([null, null, null, []]);
});

describe("how far the clocks are apart", () => {
  const sizes = [4096, 65536, 4096, 8192, 16384, 4096, 512, 65536];
  const at = [1, 1.3, 1.9, 2.2, 4, 4.1, 5.7, 6].map((t) => t * 1e6);
  const requests = at.flatMap((time, n) => [
    { device: "a", time, size: sizes[n]! },
    { device: "b", time: time + 40, size: sizes[n]! },
  ]);
  const lines = (ahead: number) => [0, 3, 4, 6, 7].map((n) => full(at[n]! + 300 - ahead, "a", sizes[n]!));

  test.each([0, 1_583_000, -7_250_000])("%d microseconds", (ahead) => {
    const estimate = logAhead(lines(ahead), requests);
    expect(Math.abs(estimate - ahead)).toBeLessThan(1000);
    const found = new LogRefusals(lines(ahead), estimate);
    expect(requests.filter(({ device, time, size }) => found.of(device, time, size) !== null).length).toBe(5);
  });

  test("is not estimated from two lines, nor where many estimates fit", () => {
    expect(logAhead(lines(1_583_000).slice(0, 2), requests)).toBe(0);
    const alike = Array.from({ length: 200 }, (_, n) => ({ device: "a", time: n * 200_000, size: 4096 }));
    const some = [10, 11, 12].map((n) => full(n * 200_000 - 100_000, "a", 4096));
    expect(logAhead(some, alike)).toBe(0);
  });
});
