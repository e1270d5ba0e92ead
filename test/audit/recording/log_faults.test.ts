/** Refused accesses that only the log tells of, joined with the mappings of the recording. */
import { describe, expect, test } from "vitest";
import { readKernelLog } from "../../../src/read/index.js";
import { fromDevice, Trail } from "./trail.js";

const device = "0000:00:04.0";

/** As Linux writes them. @param rows seconds of the log, access, address */
const dmar = (rows: readonly (readonly [time: number, did: "Read" | "Write", address: string])[], of = "00:04.0") =>
  readKernelLog(
    rows
      .flatMap(([time, did, address]) => [
        `[${time.toFixed(6).padStart(12)}] DMAR: DRHD: handling fault status reg 2`,
        `[${(time + 0.0002).toFixed(6).padStart(12)}] DMAR: [DMA ${did} NO_PASID] Request device [${of}] fault addr ` +
          `${address} [fault reason 0x06] PTE Read access is not set`,
      ])
      .join("\n"),
  ).faults;

/** Mapped and unmapped at 10, 11, 12 s of the recording, each for 10 ms. */
function used(log: Parameters<typeof dmar>[0]): Trail {
  const trail = new Trail("6.12.0", dmar(log));
  [0xffffe000, 0xfffff000, 0xffffd000].forEach((dma, k) => {
    const one = { device, dma, direction: fromDevice, task: "insmod-7" };
    trail.map(10e6 + k * 1e6, one).unmap(10.01e6 + k * 1e6, one);
  });
  return trail;
}

describe("addresses that were used after their unmapping", () => {
  for (const ahead of [0, 1.6, -7]) {
    test(`where the recording's clock is ${ahead} s ahead`, () => {
      const { faults } = used([
        [10.015 - ahead, "Write", "0xffffe000"],
        [11.012 - ahead, "Write", "0xfffff000"],
        [12.031 - ahead, "Read", "0xffffd000"],
      ]).result();
      expect(faults).toMatchObject([{ device, count: 3, writes: 2, pages: 3, afterUnmap: 3, fromLog: true }]);
      expect(faults[0]!.examples[1]).toBe(
        `wrote to 0xfffff000 at ${(11.0122 - ahead).toFixed(6)} s of the log, shortly after task insmod unmapped it ` +
          "(a FROM_DEVICE mapping of 4096 bytes) at 11.010000 s",
      );
    });
  }

  test("one fault does not show how far the clocks are apart", () => {
    const [row] = used([[9.2, "Read", "0xffffe000"]]).result().faults;
    expect(row).toMatchObject({ count: 1, afterUnmap: 0, whileMapped: 0 });
    expect(row!.examples[0]).toContain("cannot be joined");
  });

  test("nor do faults that fit at several times", () => {
    const trail = new Trail(
      "6.12.0",
      dmar([
        [3, "Read", "0xffffe000"],
        [5, "Read", "0xffffe000"],
      ]),
    );
    for (let k = 0; k < 20; k++) {
      trail.map(k * 2e6, { device, dma: 0xffffe000 }).unmap(k * 2e6 + 1e6, { device, dma: 0xffffe000 });
    }
    expect(trail.result().faults[0]!.examples[0]).toContain("cannot be joined");
  });
});

test("an address that was mapped then, one that may have been, and one that never was", () => {
  const trail = used([
    [10.015, "Write", "0xffffe000"],
    [11.012, "Write", "0xfffff000"],
    [12.002, "Read", "0xffffd000"],
    [13.5, "Read", "0xffffc000"],
    [12.5, "Write", "0xdead0000"],
  ]);
  const { faults } = trail.map(13e6, { device, dma: 0xffffc000 }).unmap(16e6, { device, dma: 0xffffc000 }).result();
  expect(faults[0]).toMatchObject({ count: 5, afterUnmap: 2, whileMapped: 1 });
  expect(faults[0]!.examples.slice(2)).toEqual([
    "read 0xffffd000 at 12.002200 s of the log, while it was mapped or shortly after (a FROM_DEVICE mapping of 4096 " +
      "bytes, until 12.010000 s)",
    "read 0xffffc000 at 13.500200 s of the log, while it was mapped: a FROM_DEVICE mapping of 4096 bytes",
    "wrote to 0xdead0000 at 12.500200 s of the log: no mapping of it is in the recording",
  ]);
});

test("accesses that the mapping did not allow do not show how far the clocks are apart", () => {
  const rows = [10.005, 11.005, 12.005].map(
    (t, k) => [t, "Read", `0x${[0xffffe000, 0xfffff000, 0xffffd000][k]!.toString(16)}`] as const,
  );
  expect(used(rows).result().faults[0]).toMatchObject({ count: 3, afterUnmap: 0, whileMapped: 0 });
});

test("what the recording tells itself is not told again", () => {
  const trail = new Trail(
    "6.12.0",
    dmar([
      [1, "Read", "0xffffe000"],
      [1, "Read", "0x5000"],
    ]),
  );
  const { faults } = trail.fault(20, { device, dma: 0xffffe010 }).result();
  expect(faults).toMatchObject([
    { count: 1, fromLog: false },
    { count: 1, fromLog: true, pages: 1 },
  ]);
});

test("a log without faults adds nothing, and another device's mappings explain nothing", () => {
  expect(new Trail().map(10).unmap(20).result().faults).toEqual([]);
  const other = new Trail("6.12.0", dmar([[1, "Read", "0xffffe000"]], "00:05.0"));
  other.map(10, { device, dma: 0xffffe000 }).unmap(20, { device, dma: 0xffffe000 });
  expect(other.result().faults[0]!.examples[0]).toContain("no mapping of it is in the recording");
});

test("freeing nothing is no end of a mapping from before the recording", () => {
  const { counts } = new Trail().map(10).free(20, { dma: 0, size: 0 }).unmap(30).result();
  expect(counts).toMatchObject({ unmaps: 1, before: 0 });
});
