/** How often a recording is opened, and how much of it is read each time. */
import { expect, test } from "vitest";
import { replayRecording } from "../../../src/lab/replay/replay_recording.js";
import type { EventBatch, EventSource } from "../../../src/read/event.js";
import { memorySource, openFtraceText } from "../../../src/read/index.js";

/** @param progress what is told of how far it is @returns events that each opening gave */
async function openings(bytes: Uint8Array, progress: number[] = []): Promise<number[]> {
  const given: number[] = [];
  await replayRecording({
    name: "recording",
    async open() {
      const source: EventSource = openFtraceText(memorySource("recording", bytes));
      const n = given.push(0) - 1;
      return new Proxy(source, {
        get(of, key) {
          if (key !== "next") return Reflect.get(of, key, of) as unknown;
          return (batch: EventBatch) => {
            const more = of.next(batch);
            if (more) given[n]! += batch.count;
            return more;
          };
        },
      });
    },
    log: null,
    settings: () => [],
    replacement: () => null,
    progress: (done) => void progress.push(done),
  });
  return given;
}

let clock = 0;
const line = (text: string) => `   disk-7       [000] ..... 1.${String(clock++ * 10).padStart(6, "0")}: ${text}`;
const mapped = (n: number) =>
  line(`dma_map_phys: 0000:00:02.0 dir=TO_DEVICE dma_addr=${n + 16}000 size=4096 phys_addr=${n + 16}000 attrs=`);
const textOf = (lines: readonly string[]) => new TextEncoder().encode(`# tracer: nop\n${lines.join("\n")}\n`);

test("a recording of a kernel without a hypervisor is read twice", async () => {
  clock = 0;
  expect(await openings(textOf(Array.from({ length: 300 }, (_, n) => mapped(n))))).toEqual([300, 300]);
});

test("how far it is goes from nothing to all, half of it by each reading", async () => {
  clock = 0;
  const progress: number[] = [];
  await openings(textOf(Array.from({ length: 9000 }, (_, n) => mapped(n))), progress);
  expect(progress.length).toBeGreaterThan(2);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(progress.filter((done) => done > 0.5).length).toBe(progress.length / 2);
  expect(progress.at(-1)).toBe(1);
});

test("one that only its probes tell to be of a Xen domain is opened once more, and not read to its end for that", async () => {
  clock = 0;
  const probe = line("setforeign_ops: (f+0x4/0x310) count=1 st0=0 dom0=3 ref0=9 bus0=0x160000000");
  const given = await openings(textOf([probe, ...Array.from({ length: 9000 }, (_, n) => mapped(n))]));
  expect(given).toHaveLength(3);
  expect(given[1]).toBe(9001);
  expect(given[0]).toBe(8192);
});
