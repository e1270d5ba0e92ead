/** Long work shows how far it is, lets others have their turn, and ends when it is told to. */
import { describe, expect, test } from "vitest";
import { inspect, replay, runMachine, type WorkOptions, why } from "../../src/index.js";
import { fixture, fixtureText } from "../read/fixture.js";
import { amount, long as thorough } from "../tier.js";
import { Elsewhere } from "./inputs.js";

const trace = fixture("swiotlb-full/trace.txt.gz");
const kernelLog = fixture("swiotlb-full/dmesg.txt.gz");
const line =
  "[    1.000000] nvme 0000:00:03.0: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 1 (slots)\n";
const log = Buffer.alloc(line.length * 60_000, line);
const yaml = fixtureText("../machines/bare-metal.yaml").replaceAll(/requests: \d+/g, `requests: ${amount(150, 1000)}`);

const size = 2 ** 28;
/** Memory that takes a while to search. */
const empty = { name: "empty", size, read: (at: number, into: Uint8Array) => Math.min(into.length, size - at) };
const searched = { raw: true, scan: true, roots: ["vtd:0x1000"] };

/** Work that takes more than a moment, and how often it stops at least. */
const long: readonly (readonly [string, (o: WorkOptions) => Promise<unknown>, number])[] = [
  ["replay", (o) => replay(trace, { ...o, log: kernelLog, sizes: thorough ? "auto" : [1024] }), 5],
  ["why", (o) => why(log, o), 5],
  ["inspect", (o) => inspect(empty, { ...o, ...searched }), 10],
  ["inspect of two", (o) => inspect(empty, { ...o, ...searched, diff: { image: empty, ...searched } }), 20],
  ["runMachine", (o) => runMachine(yaml, o), amount(8, 20)],
];

describe.each(long)("%s", (_, work, stopsMin) => {
  test("tells how far it is, from less to all", async () => {
    const told: number[] = [];
    await work({ progress: (share) => told.push(share) });
    expect(told.length).toBeGreaterThanOrEqual(stopsMin);
    expect(told.every((share, i) => share > (told[i - 1] ?? -1) && share <= 1)).toBe(true);
    expect(told.at(-1)).toBe(1);
  });

  test("ends at the next stop after its signal was given, with the signal's reason", async () => {
    const control = new AbortController();
    const told: number[] = [];
    const progress = (share: number) => {
      told.push(share);
      if (told.length === 3) control.abort(new Error("enough"));
    };
    await expect(work({ progress, signal: control.signal })).rejects.toThrow("enough");
    expect(told).toHaveLength(3);
  });

  test("notices a signal that comes with the event loop", async () => {
    const told: number[] = [];
    const running = work({ progress: (share) => told.push(share), signal: AbortSignal.timeout(1) });
    await expect(running).rejects.toMatchObject({ name: "TimeoutError" });
    expect(told.at(-1) ?? 0).toBeLessThan(1);
  });

  test("does nothing with a signal that was given before", async () => {
    const told: number[] = [];
    const running = work({ progress: (share) => told.push(share), signal: AbortSignal.abort() });
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(told).toEqual([]);
  });

  test("ends when who looks on throws", async () => {
    const progress = () => {
      throw new Error("no more");
    };
    await expect(work({ progress })).rejects.toThrow("no more");
  });
});

test("a large Blob, and a large packed input, end while they are unpacked", async () => {
  const { gzipSync } = await import("node:zlib");
  for (const input of [new Blob([log]), gzipSync(log), new Elsewhere(gzipSync(log))]) {
    const control = new AbortController();
    queueMicrotask(() => control.abort(new Error("enough")));
    await expect(why(input, { signal: control.signal })).rejects.toThrow("enough");
  }
});
