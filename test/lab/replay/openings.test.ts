/** How often a recording is opened, and how much of it is read each time. */
import { expect, test } from "vitest";
import { replayRecording } from "../../../src/lab/replay/replay_recording.js";
import type { EventBatch, EventSource } from "../../../src/read/event.js";
import { memorySource, openFtraceText, openTraceDat } from "../../../src/read/index.js";
import { fixture } from "../replayed.js";

/** @returns events that each opening gave */
async function openings(bytes: Uint8Array): Promise<number[]> {
  const given: number[] = [];
  const binary = bytes[0] === 0x17;
  await replayRecording({
    name: "recording",
    async open() {
      const source: EventSource = binary
        ? await openTraceDat(memorySource("recording", bytes))
        : openFtraceText(memorySource("recording", bytes));
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
    instead: () => null,
  });
  return given;
}

test("a recording of a kernel without a hypervisor is read twice", async () => {
  const given = await openings(fixture("swiotlb-full/trace.dat"));
  expect(given).toHaveLength(2);
  expect(given[0]).toBe(given[1]);
});

test("one that only its probes tell to be of a Xen domain is opened once more, and not read to its end for that", async () => {
  let clock = 0;
  const line = (text: string) => `   disk-7       [000] ..... 1.${String(clock++ * 10).padStart(6, "0")}: ${text}`;
  const probe = "setforeign_ops: (f+0x4/0x310) count=1 st0=0 dom0=3 ref0=9 bus0=0x160000000";
  const rest = Array.from({ length: 12_000 }, (_, n) =>
    line(`dma_map_phys: 0000:00:02.0 dir=TO_DEVICE dma_addr=${n + 16}000 size=4096 phys_addr=${n + 16}000 attrs=`),
  );
  const text = `# tracer: nop\n${[line(probe), ...rest].join("\n")}\n`;
  const given = await openings(new TextEncoder().encode(text));
  expect(given).toHaveLength(3);
  expect(given[1]).toBe(12_001);
  expect(given[0]).toBe(8192);
});
