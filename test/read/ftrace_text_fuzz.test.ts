/** Readers of text on recordings that were damaged at random: they end, they stay silent or clear, they invent nothing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import type { EventSource } from "../../src/read/event.js";
import { openFtraceText } from "../../src/read/ftrace_text/open_ftrace_text.js";
import { readKernelLog } from "../../src/read/kernel_log/read_kernel_log.js";
import { sniff } from "../../src/read/open/open.js";
import { openPerfScript } from "../../src/read/perf_script/perf_script.js";
import { Unreadable } from "../../src/read/unreadable.js";
import { amount } from "../tier.js";
import { eventRows } from "./event_rows.js";
import { fixtureText } from "./fixture.js";
import { textRows } from "./text_rows.js";

/** Some hundred lines with every kind of event of a recording among them. */
function excerpt(path: string, every: number): string[] {
  const lines = fixtureText(path).split("\n");
  return lines
    .filter((l, i) => l !== "" && (i < 12 || i % every === 0 || /dma_map_sg|iommu|alloc/.test(l)))
    .slice(0, 260);
}

const damage = fc.oneof(
  fc.record({ do: fc.constant("flip" as const), at: fc.nat(), byte: fc.nat(255) }),
  fc.record({ do: fc.constant("delete" as const), at: fc.nat(), count: fc.integer({ min: 1, max: 300 }) }),
  fc.record({ do: fc.constant("repeat" as const), at: fc.nat(), count: fc.integer({ min: 1, max: 300 }) }),
  fc.record({ do: fc.constant("insert" as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ do: fc.constant("cut" as const), at: fc.nat() }),
);
type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never;

function damaged(bytes: Uint8Array, d: Damage): Uint8Array {
  const at = d.at % bytes.length;
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at);
  if (d.do === "flip") return Uint8Array.from(bytes, (b, i) => (i === at ? d.byte : b));
  if (d.do === "delete") return Buffer.concat([before, after.subarray(d.count)]);
  if (d.do === "repeat") return Buffer.concat([before, after.subarray(0, d.count), after]);
  if (d.do === "insert") return Buffer.concat([before, d.bytes, after]);
  return before;
}

/** Rows of the source, or null when it says in one line why there are none. */
function rowsOrNull(source: EventSource) {
  try {
    return eventRows(source, 64);
  } catch (e) {
    expect(e).toBeInstanceOf(Unreadable);
    expect((e as Error).message).toMatch(/^damaged: expected [^\n]+, found [^\n]+$/);
    return null;
  }
}

const key = (row: object) => JSON.stringify(row);

test.each(["swiotlb-full/trace.txt.gz", "vtd-scalable/trace.txt.gz"])(
  "%s: untouched lines keep their values",
  (path) => {
    const lines = excerpt(path, 50);
    const bytes = new TextEncoder().encode(lines.join("\n") + "\n");
    const whole = lines.filter((l) => !l.startsWith("#"));
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (list) => {
        const broken = list.reduce((b, d) => (b.length === 0 ? b : damaged(b, d)), bytes as Uint8Array);
        const rows = rowsOrNull(openFtraceText(memorySource("damaged", broken)));
        const text = Buffer.from(broken).toString("latin1");
        const now = text.split("\n");
        const untouched = now.slice(0, -1).filter((l) => whole.includes(l));
        const expected = textRows(untouched.join("\n")).map(key);
        const left = new Map<string, number>();
        for (const row of (rows ?? []).map(key)) left.set(row, (left.get(row) ?? 0) + 1);
        for (const row of expected) {
          expect(left.get(row) ?? 0, row).toBeGreaterThan(0);
          left.set(row, left.get(row)! - 1);
        }
        // Nothing is invented: never more events than lines.
        expect(rows?.length ?? 0).toBeLessThanOrEqual(now.length);
      }),
      { numRuns: amount(20, 200), endOnFailure: true, interruptAfterTimeLimit: 20_000 },
    );
  },
);

test("no reader of text breaks on any bytes", () => {
  const seeds = ["swiotlb-full/trace.txt.gz", "swiotlb-full/dmesg.txt.gz"].map((p) => fixtureText(p).slice(0, 20_000));
  fc.assert(
    fc.property(fc.constantFrom(...seeds, "x"), fc.array(damage, { maxLength: 5 }), (seed, list) => {
      const bytes = list.reduce(
        (b, d) => (b.length === 0 ? b : damaged(b, d)),
        new TextEncoder().encode(seed) as Uint8Array,
      );
      const source = memorySource("damaged", bytes);
      rowsOrNull(openFtraceText(source));
      rowsOrNull(openPerfScript(source));
      sniff(source);
      try {
        const log = readKernelLog(source);
        expect(log.findings.length).toBeLessThanOrEqual(log.linesTotal);
      } catch (e) {
        expect(e).toBeInstanceOf(Unreadable);
      }
    }),
    { numRuns: amount(20, 200), endOnFailure: true, interruptAfterTimeLimit: 20_000 },
  );
});
