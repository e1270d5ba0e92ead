/** Leaks and what only looks like one: mappings alive over the time of a recording. */
import { expect, test } from "vitest";
import { createRandom } from "../../random.js";
import { Trail, toDevice } from "./trail.js";

const minute = 60e6;
const slot = (i: number): { dma: number; phys: number } => ({
  dma: 0x1000_0000 + i * 4096,
  phys: 0x8000_0000 + i * 4096,
});

/** Short-lived traffic of the same class from 0 to `end`, and whatever `more` does at each step. */
function traffic(end: number, more: (trail: Trail, step: number, time: number) => void): Trail {
  const trail = new Trail();
  for (let step = 0; step < 1000; step++) {
    const time = (end * step) / 1000;
    trail.map(time, slot(step % 64)).unmap(time + 500, slot(step % 64));
    more(trail, step, time + 600);
  }
  return trail.wait(end);
}

test("a mapping in a hundred is never unmapped: a leak, with device, number, bytes and since when", () => {
  const result = traffic(minute, (trail, step, time) => {
    if (step % 100 === 5) trail.map(time, slot(1000 + step));
  }).result();
  expect(result.leaks).toMatchObject([{ device: "0000:00:03.0", count: 10, bytes: 40960, size: 4096, growing: true }]);
  expect(result.leaks[0]!.since).toBeCloseTo(0.3006, 3);
  expect(result.leaks[0]!.evidence).toContain("the fewest alive in each eighth");
});

/** Allocations and lists that leak, one in fifty steps. */
function leakingAllocations(trail: Trail, step: number, time: number): void {
  if (step % 50 !== 5) return;
  trail.alloc(time, { dma: 0x5000_0000 + step * 8192, size: 8192 });
  trail.mapList(time, { dma: [0x6000_0000 + step * 4096], phys: [0x9000_0000 + step * 4096], direction: toDevice });
}

test("a coherent allocation and a list leak like a mapping", () => {
  const result = traffic(minute, (trail, step, time) => {
    leakingAllocations(trail, step, time);
    // Another device shows that ends of both kinds are recorded.
    if (step !== 7) return;
    const one = { device: "0000:00:09.0", dma: [0x1000], phys: [0x1000] };
    trail.mapList(time, one).unmapList(time + 1, one);
    trail.alloc(time + 2, { device: "0000:00:09.0" }).free(time + 3, { device: "0000:00:09.0" });
  }).result();
  expect(result.leaks.map((l) => [l.kind, l.count]).sort()).toEqual([
    ["coherent allocation", 20],
    ["list", 20],
  ]);
});

test("where no end of the kind is recorded at all, nothing is said to leak or to be alive", () => {
  const result = traffic(minute, leakingAllocations).result();
  expect([result.leaks, result.alive]).toEqual([[], []]);
  expect(result.unjudged).toMatchObject(
    [
      { devices: ["0000:00:03.0"], what: /^20 coherent allocations/, why: /No dma_free event/ },
      { devices: ["0000:00:03.0"], what: /^20 lists/, why: /No dma_unmap_sg event/ },
    ].map((u) => ({ ...u, what: expect.stringMatching(u.what), why: expect.stringMatching(u.why) })),
  );
});

/** A leak of mappings whose bus addresses are their physical ones. */
const directLeak = (kernel: string | null) => {
  const direct = (i: number) => ({ dma: 0x8000_0000 + i * 4096, phys: 0x8000_0000 + i * 4096 });
  const trail = new Trail(kernel);
  for (let step = 0; step < 1000; step++) {
    const time = (minute * step) / 1000;
    trail.map(time, direct(step % 64)).unmap(time + 500, direct(step % 64));
    if (step % 50 === 5) trail.map(time + 600, direct(1000 + step));
  }
  return trail;
};

test.each([
  ["6.12.95+deb12-amd64", true],
  ["6.15.0", true],
  ["6.16.1", false],
  ["7.2.13+deb14-amd64", false],
  ["6.12.0-124.8.1.el10_1.x86_64", false],
  [null, false],
])("direct mappings of kernel %s that are not unmapped: leaks are judged %s", (kernel, judged) => {
  const result = directLeak(kernel).wait(minute).result();
  expect(result.leaks.length).toBe(judged ? 1 : 0);
  expect(result.unjudged.length).toBe(judged ? 0 : 1);
  if (!judged) expect(result.unjudged[0]!.why).toContain("dma_need_unmap");
});

test.each([
  ["a sync", (trail: Trail) => trail.forCpu(minute, { dma: 0x8000_0000 + 1005 * 4096 })],
  ["a bounce", (trail: Trail) => trail.bounced(minute, { dma: 0x9_0000_0000 })],
])("%s of the device shows that its drivers must unmap", (_what, shows) => {
  expect(
    shows(directLeak("7.2.13"))
      .wait(minute + 1)
      .result().leaks.length,
  ).toBe(1);
});

test("bus addresses that are given out again show that ends are missing, and no leak", () => {
  const trail = new Trail();
  for (let step = 0; step < 1000; step++) {
    const time = (minute * step) / 1000;
    trail.map(time, slot(step % 64)).unmap(time + 500, slot(step % 64));
    // Sixteen addresses in turn, for memory that is another each time.
    if (step % 20 === 5)
      trail.map(time + 600, {
        dma: 0x7000_0000 + ((step / 5) % 16) * 4096,
        phys: 0x9000_0000 + step * 4096,
        size: 512,
      });
  }
  const result = trail.wait(minute).result();
  expect(result.leaks).toEqual([]);
  expect(result.unjudged[0]!.why).toContain("given out again");
});

test("a ring that is filled at the start and kept full is alive, no leak", () => {
  const result = traffic(minute, (trail, step, time) => {
    if (step === 0) for (let i = 0; i < 256; i++) trail.map(time + i, { ...slot(2000 + i), size: 1522 });
    else if (step % 4 === 0)
      trail
        .unmap(time, { ...slot(2000 + (step >> 2)), size: 1522 })
        .map(time + 1, { ...slot(4000 + (step >> 2)), size: 1522 });
  }).result();
  expect(result.leaks).toEqual([]);
  expect(result.alive).toMatchObject([{ size: 1522, count: 256, growing: false }]);
});

test("a ring from before the recording whose buffers are replaced one by one is no leak", () => {
  const result = traffic(minute, (trail, step, time) => {
    if (step % 4 === 0)
      trail
        .unmap(time, { ...slot(2000 + (step >> 2)), size: 1522 })
        .map(time + 1, { ...slot(4000 + (step >> 2)), size: 1522 });
  }).result();
  expect(result.leaks).toEqual([]);
  expect(result.alive).toMatchObject([{ size: 1522, count: 250, growing: false }]);
  expect(result.counts.before).toBe(250);
});

test("lists from before the recording that are replaced are no leak", () => {
  const list = (i: number) => ({ dma: [0x6000_0000 + i * 4096], phys: [0x9000_0000 + i * 4096] });
  const result = traffic(minute, (trail, step, time) => {
    if (step % 4 === 0) trail.unmapList(time, list(step)).mapList(time + 1, list(step + 5000));
  }).result();
  expect(result.leaks).toEqual([]);
});

test("a load that grows, whose buffers all come back, is no leak", () => {
  const live: number[] = [];
  let next = 10_000;
  const result = traffic(minute, (trail, step, time) => {
    for (let k = 0; k < 4; k++) {
      if (live.length > step / 4) trail.unmap(time + k, slot(live.shift()!));
      else {
        live.push(next);
        trail.map(time + k, slot(next++));
      }
    }
    for (let k = 0; k < 8 && live.length > 0; k++) {
      trail.unmap(time + 10 + k, slot(live.shift()!)).map(time + 20 + k, slot(next));
      live.push(next++);
    }
  }).result();
  expect(result.alive[0]!.count).toBeGreaterThan(200);
  expect(result.leaks).toEqual([]);
});

test("a cache that was filled in two goes is no leak", () => {
  const result = traffic(minute, (trail, step, time) => {
    if (step === 100 || step === 600)
      for (let i = 0; i < 50; i++) trail.map(time + i, { ...slot(3000 + step + i), size: 8192 });
  }).result();
  expect(result.leaks).toEqual([]);
});

test("a cache that was filled in three goes, far apart, is no leak", () => {
  const result = traffic(minute, (trail, step, time) => {
    if (step === 50 || step === 450 || step === 800) {
      for (let i = 0; i < 50; i++) trail.map(time + i, { ...slot(3000 + step + i), size: 8192 });
    }
  }).result();
  expect(result.leaks).toEqual([]);
});

test("a random load with no drift has no leak, at any length", () => {
  for (const length of [2e3, 5e4, 1e6, 3e9]) {
    const random = createRandom(length);
    const trail = new Trail(),
      live: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      const time = (length * i) / 20_000;
      if (live.length < 50 || (live.length < 150 && random() < 0.5)) {
        live.push(i);
        trail.map(time, slot(i));
      } else trail.unmap(time, slot(live.splice(Math.floor(random() * live.length), 1)[0]!));
    }
    expect(trail.result().leaks, `${length} microseconds`).toEqual([]);
  }
});

test("too short a time says so", () => {
  const [group] = new Trail().map(10, slot(1)).map(11, slot(2)).map(12, slot(3)).unmap(13, slot(3)).result().alive;
  expect(group!.evidence).toContain("too short");
});

test("a time far beyond all others ends", () => {
  expect(new Trail().map(0, slot(1)).map(1e300, slot(2)).unmap(1e301, slot(1)).result().alive.length).toBe(1);
});
