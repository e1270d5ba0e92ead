/** Which outcome belongs to which search. */
import { describe, expect, test } from "vitest";
import { triesWords } from "../../src/report/recording/words/tries.js";
import { verdictOf } from "../../src/report/recording/words/verdict.js";
import { replayed } from "./replayed.js";

const log = {
  kernel: "7.2.0",
  swiotlb: "512,1,force",
  cpus: 2,
  areas: 1,
  pool: { from: 0x70000000, to: 0x70100000 },
  drivers: new Map(),
};

const line = (task: string, cpu: number, flags: string, time: number, text: string) =>
  `${task.padStart(16)}  [00${cpu}] ${flags}  ${time.toFixed(6)}: ${text}`;
const bounced = (orig: string, size = 4096, device = "0000:00:03.0") =>
  `swiotlb_bounced: dev_name: ${device} dma_mask=ffffffffffffffff dev_addr=${orig} size=${size} FORCE`;
const mapped = (dma: string, phys: string, size = 4096, device = "0000:00:03.0") =>
  `dma_map_phys: ${device} dir=TO_DEVICE dma_addr=${dma} size=${size} phys_addr=${phys} attrs=`;
const unmapped = (dma: string, size = 4096, device = "0000:00:03.0") =>
  `dma_unmap_phys: ${device} dir=TO_DEVICE dma_addr=${dma} size=${size} attrs=`;
const replay = (lines: string[]) => replayed(`# tracer: nop\n${lines.join("\n")}\n`, { log });

test("an interrupt maps between another mapping's search and its event", async () => {
  const o = await replay([
    line("dd-1", 0, ".....", 1.0, bounced("1000000")),
    line("dd-1", 0, "d.h1.", 1.000001, bounced("2000000")),
    line("dd-1", 0, "d.h1.", 1.000002, mapped("70001000", "2000000")),
    line("dd-1", 0, ".....", 1.000003, mapped("70000000", "1000000")),
  ]);
  expect(o.exact).toMatchObject({ compared: 2, equal: 2 });
  expect(o.pool!.refusedLists).toHaveLength(0);
});

test("a task moves to another CPU between search and event", async () => {
  const o = await replay([
    line("dd-1", 0, ".....", 1.0, bounced("1000000")),
    line("dd-1", 1, ".....", 1.0005, mapped("70000000", "1000000")),
  ]);
  expect(o.exact).toMatchObject({ compared: 1, equal: 1 });
});

test("a mapping whose event is damaged was not refused: what became of it is not known", async () => {
  const o = await replay([
    line("dd-1", 0, ".....", 1.0, bounced("1000000")),
    line("dd-1", 0, ".....", 1.000001, mapped("70000000", "1000000").replace("0000:00:03.0", "0000:\0\0\0\0")),
    line("dd-1", 0, ".....", 1.1, bounced("2000000")),
    line("dd-1", 0, ".....", 1.100001, mapped("70001000", "2000000")),
    line("dd-2", 1, ".....", 9, bounced("3000000")),
    line("dd-2", 1, ".....", 9.1, mapped("70002000", "3000000")),
  ]);
  expect(o.pool!.refusedLists).toHaveLength(0);
  expect(o.maps).toMatchObject({ bounced: 2, failed: 0, unknown: 1 });
  expect(verdictOf({ outcome: o, audit: { leaks: [], violations: [] } }).tone).toBe("unknown");
  expect(o.source.lost).toBe(1);
});

test("a list that is refused leaves only its searches", async () => {
  const long = 262144 - 2048;
  const o = await replay([
    line("dd-1", 0, ".....", 1.0, bounced("1000000", long)),
    line("dd-1", 0, ".....", 1.1, mapped("70000000", "1000000", long)),
    line("dd-1", 0, ".....", 1.2, bounced("2000000", long)),
    line("dd-1", 0, ".....", 1.3, mapped("70040000", "2000000", long)),
    line("dd-1", 0, ".....", 1.4, bounced("3000000", long)),
    line("dd-1", 0, ".....", 1.5, mapped("70080000", "3000000", long)),
    line("kworker-7", 1, ".....", 1.6, bounced("5000000", 4096, "0000:00:05.0")),
    line("kworker-7", 1, ".....", 1.600009, bounced("6000000", 262144, "0000:00:05.0")),
    line("dd-1", 0, ".....", 2.0, bounced("4000000")),
    line("dd-1", 0, ".....", 2.000004, mapped("700c2000", "4000000")),
    line("dd-1", 1, ".....", 2.1, unmapped("700c2000")),
  ]);
  expect(o.exact).toMatchObject({ compared: 4, equal: 3 });
  expect(o.pool!.refusedLists).toHaveLength(1);
  expect(o.pool!.refusedLists[0]).toMatchObject({ size: 262144, reason: "fragmented", list: true });
  expect(o.maps.failed).toBe(0);
});

test("an unmap written after the next mapping of the same address is no trouble", async () => {
  const all = 262144;
  const o = await replay([
    ...[0, 1, 2, 3].flatMap((k) => [
      line("dd-1", 0, ".....", 1 + k / 10, bounced(`${k + 1}000000`, all)),
      line("dd-1", 0, ".....", 1.05 + k / 10, mapped((0x70000000 + k * 0x40000).toString(16), `${k + 1}000000`, all)),
    ]),
    line("dd-2", 1, ".....", 2.0, bounced("9000000", all)),
    line("dd-2", 1, ".....", 2.00001, mapped("70080000", "9000000", all)),
    line("dd-1", 0, ".....", 2.000012, unmapped("70080000", all)),
  ]);
  expect(o.exact).toMatchObject({ compared: 5, equal: 5, corrections: 0 });
  expect(o.pool!.used).toBe(512);
});

test("a mapping in the pool whose search is not in the recording still takes its slots", async () => {
  const o = await replay([
    line("dd-1", 0, ".....", 1.0, mapped("70000000", "1000000")),
    line("dd-1", 0, ".....", 1.1, bounced("2000000")),
    line("dd-1", 0, ".....", 1.2, mapped("70001000", "2000000")),
  ]);
  expect(o.exact).toMatchObject({ compared: 2, equal: 2 });
});

test("a kernel without dma:* events: what bounced is counted, what came of it is said to be unknown", async () => {
  const o = await replay([
    line("dd-1", 0, ".....", 1.0, bounced("1000000")),
    line("dd-1", 0, ".....", 1.1, bounced("2000000")),
  ]);
  expect(o.maps).toMatchObject({ total: 2, bounced: 0, failed: 0, unknown: 2 });
  expect(o.shows).toBe("requests");
  expect(o.requests!.devices).toMatchObject([{ count: 2, bytes: 8192, least: 4096, most: 4096, refused: 0 }]);
  expect([o.pool, o.timeline, o.whatIf]).toEqual([null, null, []]);
  expect(o.exact).toMatchObject({ compared: 0 });
  expect(o.advice).toMatchObject({ swiotlb: null, confidence: "unknown" });
});

test("under Xen the search prints a machine address: it still belongs to its mapping", async () => {
  const text = [
    line("dd-1", 0, ".....", 1.0, bounced("77777123", 512)),
    line("dd-1", 0, ".....", 1.1, mapped("90000123", "1000123", 512)),
    line("dd-1", 0, ".....", 1.2, unmapped("90000123", 512)),
  ];
  const o = await replayed(`# tracer: nop\n${text.join("\n")}\n`, { log: { ...log, xen: true } });
  expect(o.maps).toMatchObject({ total: 1, bounced: 1, failed: 0 });
  expect(o.pool!.refusedLists).toHaveLength(0);
});

describe("a buffer whose bus address is not its physical one", () => {
  test("bounces where nothing of the same code came between, and for the mask of its bus address", async () => {
    const o = await replay([
      line("dd-1", 0, ".....", 1.0, bounced("2350bf000").replace("ffffffffffffffff", "ffffffff")),
      line("dd-1", 0, "d.h1.", 1.000001, bounced("235001000", 4096, "0000:00:05.0")),
      line("dd-1", 0, "d.h1.", 1.000002, mapped("70001000", "51fb000", 4096, "0000:00:05.0")),
      line("dd-1", 0, ".....", 1.000003, mapped("70000000", "51fa000")),
    ]);
    expect(o.exact).toMatchObject({ compared: 2, equal: 2 });
    expect(o.pool!.refusedLists).toHaveLength(0);
    const natural = await replayed(
      `# tracer: nop\n${[
        line(
          "dd-1",
          0,
          ".....",
          1.0,
          bounced("2350bf000").replace("ffffffffffffffff", "ffffffff").replace(" FORCE", " NORMAL"),
        ),
        line("dd-1", 0, ".....", 1.000003, mapped("70000000", "51fa000")),
      ].join("\n")}\n`,
      { log: { ...log, swiotlb: "512,1" } },
    );
    expect(natural.devices[0]!.why).toEqual([{ words: "the buffer lies above the device's 32-bit mask", count: 1 }]);
  });

  test("is not paired where the device was given the buffer itself, or memory outside of the pool", async () => {
    const o = await replay([
      // Two searches of lists that were refused.
      line("dd-1", 0, ".....", 1.0, bounced("1000000")),
      line("dd-1", 0, ".....", 1.000001, mapped("70000000", "1000000")),
      line("dd-1", 0, ".....", 2.0, bounced("2350bf000")),
      line("dd-1", 0, ".....", 2.5, mapped("2350bf000", "51fa000")),
      line("dd-1", 0, ".....", 3.0, bounced("235100000")),
      line("dd-1", 0, ".....", 3.5, mapped("235200000", "51fb000")),
      line("dd-1", 0, ".....", 6.0, bounced("1001000")),
      line("dd-1", 0, ".....", 6.000001, mapped("70001000", "1001000")),
    ]);
    expect(o.maps).toMatchObject({ bounced: 2, translated: 2, unknown: 2 });
  });

  test("in a list: only what landed in the pool", async () => {
    const list = (dma: string, phys: string) =>
      `dma_map_sg: 0000:00:03.0 dir=TO_DEVICE nents=3/3 dma_addrs={${dma}} sizes={0x1000,0x1000,0x1000} phys_addrs={${phys}} attrs=`;
    const o = await replay([
      line("dd-1", 0, ".....", 1.0, bounced("1000000")),
      line("dd-1", 0, ".....", 1.000001, mapped("70000000", "1000000")),
      line("dd-1", 0, ".....", 2.0, bounced("235000000")),
      line("dd-1", 0, ".....", 2.000001, bounced("235001000")),
      line("dd-1", 0, ".....", 2.00001, list("0x70001000,0x35000000,0x70002000", "0x51fa000,0x51fb000,0x51fc000")),
    ]);
    expect(o.maps).toMatchObject({ bounced: 3, translated: 1 });
    expect(o.exact).toMatchObject({ compared: 3, equal: 3 });
    expect(o.pool!.refusedLists).toHaveLength(0);
  });
});

describe("searches without an outcome", () => {
  const all = 262144;
  const usb = "0000:00:05.0";
  const full = [0, 1, 2, 3].flatMap((k) => [
    line("dd-1", 0, ".....", 1 + k / 10, bounced(`${k + 1}000000`, all)),
    line("dd-1", 0, ".....", 1.05 + k / 10, mapped((0x70000000 + k * 0x40000).toString(16), `${k + 1}000000`, all)),
  ]);
  const later = (time: number) => [
    line("dd-1", 0, ".....", time, unmapped("70000000", all)),
    line("dd-1", 0, ".....", time + 0.1, bounced("1000000", all)),
    line("dd-1", 0, ".....", time + 0.2, mapped("70000000", "1000000", all)),
  ];

  test("a list that is tried again and again is one list, with as many attempts", async () => {
    const tries = Array.from({ length: 3000 }, (_, n) =>
      line("usb-9", 0, ".....", 2 + n * 0.0005, bounced("8000000", 512, usb)),
    );
    const o = await replay([...full, ...tries, ...later(9)]);
    expect(o.pool!.refusedTries).toMatchObject({ lists: 1, tries: 3000 });
    const again = o.pool!.refusedTries!.again[0]!;
    expect(again).toMatchObject({ device: 1, tries: 3000, from: 2e6 });
    expect(triesWords(o)).toEqual([
      `${usb}: 3,000 attempts of the same list were refused between 2.000000 s and 3.499500 s; the driver tries again`,
    ]);
    expect(o.maps).toMatchObject({ bounced: 5, unknown: 0 });
    expect(o.exact.equal).toBe(o.exact.compared);
  });

  test("each attempt ends where the next one begins, whatever room there was for its first entries", async () => {
    const half = full.slice(0, 4);
    const tries = Array.from({ length: 500 }, (_, n) =>
      [0, 1, 2].map((k) => line("usb-9", 0, ".....", 2 + n * 0.0005 + k * 0.0001, bounced(`${8 + k}000000`, all, usb))),
    );
    const o = await replay([...half, ...tries.flat(), line("dd-1", 0, ".....", 9, unmapped("70000000", all))]);
    expect(o.pool!.refusedTries).toMatchObject({ lists: 1, tries: 500 });
    expect(o.pool).toMatchObject({ used: 128, hiwater: 512 });
  });

  test("are not called refused where the device's mappings are left out and the pool had room", async () => {
    const tries = Array.from({ length: 40 }, (_, n) =>
      line("usb-9", 0, ".....", 2 + n * 0.01, bounced("8000000", 4096, usb)),
    );
    const o = await replay([...full.slice(0, 4), ...tries, ...later(9)]);
    expect(o.pool!.refusedLists).toHaveLength(0);
    expect(o.maps.unknown).toBe(40);
    expect(verdictOf({ outcome: o, audit: { leaks: [], violations: [] } })).toMatchObject({
      tone: "unknown",
      headline: "3 mappings worked, all of them bounced; what became of 40 more is not recorded.",
    });
  });

  test("are not called refused on a CPU whose events stop, nor where events were lost", async () => {
    const cut = [line("usb-9", 1, ".....", 2, bounced("8000000", 4096, usb))];
    const stopped = await replay([...full, ...cut, ...later(9)]);
    expect(stopped.pool!.refusedLists).toHaveLength(0);
    expect(stopped.maps.unknown).toBe(1);
    const goesOn = line("usb-9", 1, ".....", 8, unmapped("5000", 4096, usb));
    expect((await replay([...full, ...cut, goesOn, ...later(9)])).pool!.refusedLists).toHaveLength(1);
    const lost = await replay([...full, ...cut, "CPU:1 [LOST 12 EVENTS]", goesOn, ...later(9)]);
    expect(lost.pool!.refusedLists).toHaveLength(0);
    expect(lost.maps.unknown).toBe(1);
  });

  test("a clock that does not count time has no moments after which they are over", async () => {
    const ticks = (text: string) => text.replace(/ (\d+)\.(\d{6}): /, (_, a: string, b: string) => ` ${a}${b}000: `);
    const o = await replay(
      [
        ...full,
        line("kworker-7", 1, ".....", 1.5, bounced("6000000", 262144, usb)),
        ...later(3),
        line("kworker-7", 1, ".....", 9, mapped("70040000", "6000000", 262144, usb)),
      ].map(ticks),
    );
    expect(o.pool!.refusedLists).toHaveLength(0);
  });
});

describe("how full the pool was", () => {
  const maps = (ends: boolean) =>
    Array.from({ length: 60 }, (_, n) => {
      const phys = (0x1000000 + n * 4096).toString(16);
      const at = 1 + n / 10;
      const dma = (0x70000000 + n * 4096).toString(16);
      return [
        line("dd-1", 0, ".....", at, bounced(phys)),
        line("dd-1", 0, ".....", at + 0.01, mapped(dma, phys)),
        ...(ends ? [line("dd-1", 0, ".....", at + 0.02, unmapped(dma))] : []),
      ];
    }).flat();

  test("is not known where ends of mappings are not recorded", async () => {
    const o = await replay(maps(false));
    expect(o.pool!.endsRecorded).toBe(false);
    expect(o).toMatchObject({ timeline: null, slotMap: null, whatIf: [], advice: { what: "no size can be advised" } });
    expect(verdictOf({ outcome: o, audit: { leaks: [], violations: [] } }).occupancy).toBe(
      "How full the pool of 512 slots was is not known: ends of mappings are missing.",
    );
  });

  test("is known where they are, and where nothing bounced", async () => {
    const ended = await replay(maps(true));
    expect(ended.pool).toMatchObject({ hiwater: 2 });
    expect(ended.pool!.endsRecorded).toBeUndefined();
    const direct = await replay(
      maps(false)
        .filter((l) => l.includes("dma_map"))
        .map((l) => l.replace(/dma_addr=\w+ (.*)phys_addr=(\w+)/, "dma_addr=$2 $1phys_addr=$2")),
    );
    expect(direct.maps.direct).toBe(60);
    expect(direct.pool!.endsRecorded).toBeUndefined();
  });
});

describe("two CPUs", () => {
  const two = { ...log, swiotlb: "512,2,force", areas: 2 };
  const of = (lines: string[]) => replayed(`# tracer: nop\n${lines.join("\n")}\n`, { log: two });

  test("a task that moves between its events searches the area of either", async () => {
    const o = await of([
      line("dd-1", 0, ".....", 1.0, bounced("1000000")),
      line("dd-1", 1, ".....", 1.0005, mapped("70080000", "1000000")),
      line("dd-1", 0, ".....", 2.0, bounced("1001000")),
      line("dd-1", 1, ".....", 2.0005, mapped("70000000", "1001000")),
    ]);
    expect(o.exact).toMatchObject({ compared: 2, equal: 2, corrections: 0 });
  });

  test("whose clocks differ by a little: an unmapping read before its mapping is its end", async () => {
    const o = await of([
      line("dd-1", 1, ".....", 1.0, bounced("1000000")),
      line("dd-2", 0, "d.h1.", 1.003, unmapped("70080000")),
      line("dd-1", 1, ".....", 1.004, mapped("70080000", "1000000")),
      line("dd-1", 1, ".....", 1.5, bounced("1001000")),
      line("dd-1", 1, ".....", 1.501, mapped("70081000", "1001000")),
      line("dd-1", 1, ".....", 1.6, unmapped("70081000")),
    ]);
    expect(o.exact).toMatchObject({ compared: 2, equal: 2, corrections: 0 });
    expect(o.pool).toMatchObject({ used: 0 });
    expect(o.machine.evidence.join()).not.toMatch(/in use before/);
  });

  test("whose clock stands still for a while: a mapping comes before its end", async () => {
    const orig = (k: number) => (0x1000000 + k * 0x1000).toString(16);
    const bus = (k: number) => (0x70000000 + k * 0x1000).toString(16);
    const o = await of(
      [0, 1, 2, 3].flatMap((k) => [
        line("dd-1", 0, ".....", 1 + k, bounced(orig(k))),
        line("dd-1", 0, ".....", 1 + k, mapped(bus(k), orig(k))),
        line("dd-2", 1, "d.h1.", 1 + k, unmapped(bus(k))),
      ]),
    );
    expect(o.exact).toMatchObject({ compared: 4, equal: 4, corrections: 0 });
    expect(o.pool).toMatchObject({ used: 0, hiwater: 2 });
    expect(o.whatIf.map((w) => w.hiwater)).toEqual(o.whatIf.map(() => 2));
  });

  test("the same of a list, whose end names its buffers", async () => {
    const list = (bus: string, phys: string) =>
      `dma_map_sg: 0000:00:03.0 dir=TO_DEVICE nents=1/1 ents=1/1 dma_addrs={0x${bus}} sizes={0x1000} phys_addrs={0x${phys}} attrs=`;
    const ended = (phys: string) => `dma_unmap_sg: 0000:00:03.0 dir=TO_DEVICE phys_addrs={0x${phys}} attrs=`;
    const o = await of([
      line("dd-1", 1, ".....", 1.0, bounced("1000000")),
      line("dd-2", 0, "d.h1.", 1.003, ended("1000000")),
      line("dd-1", 1, ".....", 1.004, list("70080000", "1000000")),
      line("dd-1", 1, ".....", 1.5, bounced("1001000")),
      line("dd-1", 1, ".....", 1.501, list("70081000", "1001000")),
      line("dd-2", 0, "d.h1.", 1.502, ended("1001000")),
      line("dd-1", 1, ".....", 1.6, bounced("1000000")),
      line("dd-1", 1, ".....", 1.601, list("70082000", "1000000")),
      line("dd-2", 0, "d.h1.", 1.602, ended("1000000")),
    ]);
    expect(o.exact).toMatchObject({ compared: 3, equal: 3, corrections: 0 });
    expect(o.pool).toMatchObject({ used: 0, hiwater: 2 });
    expect(o.devices).toMatchObject([{ live: 0 }]);
  });
});
