/** Unmappings against what caches were told to forget: of real kernels, of the same with lines taken away, and made ones. */
import { describe, expect, test } from "vitest";
import type { AuditResult } from "../../../src/audit/index.js";
import { RecordingAudit } from "../../../src/audit/index.js";
import { memorySource } from "../../../src/read/bytes.js";
import { EventBatch } from "../../../src/read/event.js";
import { openFtraceText } from "../../../src/read/index.js";
import { fixtureText as textAt } from "../../read/fixture.js";

const fixtureText = (name: string) => textAt(`${name}/trace.txt.gz`);

function audited(text: string): AuditResult {
  const source = openFtraceText(memorySource("text", Buffer.from(text, "latin1")));
  const audit = new RecordingAudit(source);
  const batch = new EventBatch();
  while (source.next(batch)) audit.feed(batch);
  return audit.finish();
}

const accused = (r: AuditResult) => r.violations.filter(({ rule }) => rule === "reuse-before-flush");

describe("real kernels are healthy", () => {
  const all = { coveredInAll: 0, broken: 0, waiting: 0, unknown: [], note: null };
  test.each([
    ["vtd-legacy-strict", 861, [{ kind: "IOTLB", count: 861 }]],
    [
      "vtd-ats",
      1358,
      [
        { kind: "IOTLB", count: 1358 },
        { kind: "device TLB", count: 1348 },
      ],
    ],
  ])("%s: nothing stays reachable", (name, unmaps, descriptors) => {
    const { invalidations } = audited(fixtureText(name));
    const reachable = { count: 0, of: unmaps, median: null, max: null, byteSeconds: 0 };
    const flushes = descriptors.reduce((sum, { count }) => sum + count, 0);
    expect(invalidations).toEqual({ ...all, unmaps, covered: unmaps, descriptors, flushes, reachable });
  });

  test("lazy: memory stays reachable until the queue is flushed", () => {
    const { invalidations } = audited(fixtureText("vtd-scalable"));
    expect(invalidations).toMatchObject({
      ...{ unmaps: 340, covered: 327, coveredInAll: 48, broken: 0, waiting: 0 },
      unknown: [{ count: 13, why: "no event names whose they are" }],
      reachable: { count: 279, of: 279, median: 0.011316, max: 0.022326 },
    });
    expect(invalidations!.reachable!.byteSeconds).toBeCloseTo(459_372.36, 1);
  });

  test.each(["amdvi", "smmuv3"])("%s: whose driver writes no event of it", (name) => {
    const { invalidations, violations } = audited(fixtureText(name));
    expect(invalidations).toMatchObject({ covered: 0, broken: 0, reachable: null });
    expect(invalidations!.note).toContain("no invalidation is recorded");
    expect(violations).toEqual([]);
  });

  test("no IOMMU, no answer", () => {
    expect(audited(fixtureText("swiotlb-full"))).not.toHaveProperty("invalidations");
  });
});

const line = / (\[\d{3}\]) \S+ +(\d+\.\d{6}): (\w+): (.*)$/;
const isInvalidation = (l: string) => / (cache_tag_flush_range|qi_submit): /.test(l);

/** Single mappings of a recording whose address its device is given again: numbers of the lines of both. */
function reuses(lines: readonly string[]): { unmap: number; map: number; device: string; iova: string }[] {
  const ended = new Map<string, number>();
  const found: { unmap: number; map: number; device: string; iova: string }[] = [];
  lines.forEach((l, i) => {
    const [, , , name, rest] = line.exec(l) ?? [];
    const at = /^(\S+) .*dma_addr=(\w+)000 size=4096/.exec(rest ?? "");
    if (at === null || (name !== "dma_map_phys" && name !== "dma_unmap_phys")) return;
    const iova = `0x${at[2]}000`;
    const of = (what: string) =>
      lines.findLastIndex((m, n) => n < i && m.includes(` ${what}: IOMMU: iova=0x${iova.slice(2).padStart(16, "0")} `));
    const key = `${at[1]} ${iova}`;
    if (name === "dma_unmap_phys") ended.set(key, of("unmap"));
    else if (ended.has(key)) {
      found.push({ unmap: ended.get(key)!, map: of("map"), device: at[1]!, iova });
      ended.delete(key);
    }
  });
  return found;
}

describe("a real recording from which invalidations are taken", () => {
  const lines = fixtureText("vtd-legacy-strict").split("\n");
  // Not among the first: that events are recorded at all must show before.
  const found = reuses(lines).slice(5, 12);
  const without = (drop: (l: string, i: number) => boolean) => lines.filter((l, i) => !drop(l, i)).join("\n");
  const between = (r: { unmap: number; map: number }, what: (l: string) => boolean) => (l: string, i: number) =>
    i > r.unmap && i < r.map && what(l);
  const time = (i: number) => line.exec(lines[i]!)![2]!;

  test("there are addresses that are used again", () => {
    expect(found).toHaveLength(7);
  });

  test.each(found)("$iova of $device: is accused, by the times of its lines", (reuse) => {
    const result = audited(without(between(reuse, isInvalidation)));
    const [first] = accused(result);
    expect(result.invalidations!.broken).toBe(accused(result).length);
    expect(first).toMatchObject({ device: reuse.device, time: Number(time(reuse.map)) });
    expect(first!.detail).toContain(`${reuse.iova} to `);
    expect(first!.detail).toContain(`unmapped at ${time(reuse.unmap)} s (CPU`);
    expect(first!.detail).toContain(`mapped again for ${reuse.device} at ${time(reuse.map)} s (CPU`);
    expect(first!.detail).toMatch(/ the IOTLB was (not told to forget it|told to forget it at \S+ s \(CPU .* only)$/);
  });

  test("the driver's word without the descriptor is no invalidation; the descriptor without it is", () => {
    const [reuse] = found;
    const broken = (what: string) => accused(audited(without(between(reuse!, (l) => l.includes(what))))).length;
    expect(broken(" qi_submit: ")).toBeGreaterThan(0);
    expect(broken(" cache_tag_flush_range: ")).toBe(0);
  });

  test("an invalidation behind the use is named", () => {
    const [reuse] = found;
    const at = lines.findIndex((l, i) => i > reuse!.unmap && l.includes(" qi_submit: "));
    const behind = lines.findIndex((_, i) => i > reuse!.map + 3 && i > at);
    const moved = lines[at]!.replace(/\d+\.\d{6}:/, `${time(behind)}:`).replace(
      /\[\d{3}\]/,
      line.exec(lines[reuse!.map]!)![1]!,
    );
    const changed = lines.flatMap((l, i) => (i === at ? [] : i === behind ? [l, moved] : [l]));
    expect(accused(audited(changed.join("\n")))[0]!.detail).toContain(`to forget it at ${time(behind)} s (CPU`);
  });

  describe("is not accused where the event may not have been recorded:", () => {
    const [reuse] = found;
    const drop = between(reuse!, isInvalidation);
    const why = (text: string) => {
      const result = audited(text);
      expect(accused(result)).toEqual([]);
      return result.invalidations!.unknown.map((u) => u.why);
    };

    test("events were lost", () => {
      const lost = `CPU:0 [LOST 3 EVENTS]`;
      const changed = lines.flatMap((l, i) => (drop(l, i) ? [] : i === reuse!.map ? [lost, l] : [l]));
      expect(why(changed.join("\n"))).toContain("events were lost meanwhile");
    });

    test("invalidations are not recorded afterwards", () => {
      const says = why(without((l, i) => i > reuse!.unmap && isInvalidation(l)));
      expect(says).toContain("invalidations of these caches are not recorded before and after");
    });

    test("they are not recorded before", () => {
      const says = why(without((l, i) => i < reuse!.map && isInvalidation(l)));
      expect(says).toContain("invalidations of these caches are not recorded before and after");
    });

    test("another CPU's events are missing", () => {
      const on = lines.map((l) => l.replace("[001]", "[000]"));
      expect(why(on.filter((l, i) => !drop(l, i)).join("\n"))).toContain("1 of 2 CPUs have events");
    });

    test("it is an excerpt", () => {
      const text = without((l, i) => l.startsWith("#") || drop(l, i));
      expect(why(text)).toContain("an excerpt does not show all");
    });
  });
});
