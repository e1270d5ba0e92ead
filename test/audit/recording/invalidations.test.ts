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

/** The same lines under a header that counts them: as of a kernel that wrote no others. */
function counted(text: string): string {
  const events = text.split("\n").filter((l) => l !== "" && !/^(#|CPU:)/.test(l)).length;
  return text.replace(/(entries-in-buffer\/entries-written: )\d+\/\d+/, `$1${events}/${events}`);
}

const accused = (r: AuditResult) => r.violations.filter(({ rule }) => rule === "reuse-before-flush");

describe("real kernels are healthy", () => {
  const all = { coveredInAll: 0, mappedAnew: 0, broken: 0, waiting: 0, unknown: [], note: null };
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

  test("lazy, first stage: by PASID", () => {
    const { invalidations } = audited(fixtureText("vtd-scalable-fs"));
    const descriptors = [{ kind: "IOTLB by PASID", count: 41 }];
    expect(invalidations).toMatchObject({ unmaps: 340, covered: 336, broken: 0, waiting: 0, descriptors });
  });

  test("lazy, four CPUs, a kernel whose flush of all is an event of its own", () => {
    const { invalidations } = audited(fixtureText("four-cpus-6.12"));
    const counts = { unmaps: 564, covered: 556, broken: 0, waiting: 8, unknown: [], flushes: 101 };
    expect(invalidations).toMatchObject({
      ...counts,
      reachable: { count: 556, of: 556, median: 0.013746, max: 0.109375 },
    });
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

/** Numbers from 0 to 1, the same ones each time. */
function drawn(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 0x7fff_ffff) / 0x7fff_ffff;
}

test.each(["vtd-legacy-strict", "vtd-scalable-fs", "four-cpus-6.12"])(
  "%s: lines that are missing accuse nobody",
  (name) => {
    const lines = fixtureText(name).split("\n");
    const draw = drawn(7);
    for (const share of [0.1, 0.4, 0.4]) {
      const left = lines.filter((l) => l.startsWith("#") || isInvalidation(l) || draw() > share);
      expect(accused(audited(left.join("\n")))).toEqual([]);
    }
  },
);

describe("a real recording from which invalidations are taken", () => {
  const lines = fixtureText("vtd-legacy-strict").split("\n");
  // Not among the first: that events are recorded at all must show before.
  const found = reuses(lines).slice(5, 12);
  const without = (drop: (l: string, i: number) => boolean) => counted(lines.filter((l, i) => !drop(l, i)).join("\n"));
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

  test("a device's TLB is not taken to have forgotten what no descriptor tells it, where others are recorded", () => {
    const text = fixtureText("vtd-ats")
      .split("\n")
      .filter((l) => !/ qi_submit: dev_tlb_inv/.test(l));
    const { invalidations, violations } = audited(counted(text.join("\n")));
    expect([invalidations!.covered < 20, violations]).toEqual([true, []]);
    expect(invalidations!.unknown.map((u) => u.why)).toContain(
      "invalidations of these caches are not recorded before and after",
    );
  });

  test("no event says when drivers have their memory back: it is not known what stayed reachable", () => {
    const text = fixtureText("vtd-scalable-fs")
      .split("\n")
      .filter((l) => !/ dma_unmap_(phys|page|sg): /.test(l));
    expect(audited(text.join("\n")).invalidations!.reachable!.of).toBeLessThan(10);
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

/** Lines of events, a hundred microseconds apart unless the line says another time. */
function made(...events: readonly string[]): string {
  let at = 1_000_000;
  const line = (e: string) => {
    const [, time, task = "a-1", cpu = "0", rest] = /^(?:@(\d+) )?(?:(\S+)\[(\d)\] )?(.*)$/s.exec(e)!;
    at = time === undefined ? at + 100 : Number(time);
    return `  ${task}  [00${cpu}] .....  ${Math.floor(at / 1e6)}.${String(at % 1e6).padStart(6, "0")}: ${rest}`;
  };
  return `# tracer: nop\n# entries-in-buffer/entries-written: ${events.length}/${events.length}   #P:1\n${events.map(line).join("\n")}\n`;
}

const bdf = (device: number) => `0000:01:0${device}.0`;
const hex = (n: number) => n.toString(16).padStart(16, "0");
const attach = (device: number, did: number, ats = false) => [
  `cache_tag_assign: dmar0/dmar0 type iotlb did ${did} pasid 0 ref 1`,
  ...(ats ? [`cache_tag_assign: dmar0/${bdf(device)} type devtlb did ${did} pasid 0 ref 1`] : []),
  `attach_device_to_domain: IOMMU: device=${bdf(device)}`,
];
const raw = (what: string, iova: number, bytes = 4096) =>
  what === "map"
    ? `map: IOMMU: iova=0x${hex(iova)} - 0x${hex(iova + bytes)} paddr=0x0000000007000000 size=${bytes}`
    : `unmap: IOMMU: iova=0x${hex(iova)} - 0x${hex(iova + bytes)} size=${bytes} unmapped_size=${bytes}`;
const named = (what: string, device: number, iova: number, bytes = 4096) =>
  `dma_${what}_phys: ${bdf(device)} dir=TO_DEVICE dma_addr=${iova.toString(16)} size=${bytes} ` +
  `${what === "map" ? "phys_addr=7000000 " : ""}attrs=`;
const map = (device: number, iova: number, bytes = 4096) => [
  raw("map", iova, bytes),
  named("map", device, iova, bytes),
];
const post = (low: number, high: number) =>
  `qi_submit: x_inv dmar0: 0x${low.toString(16)} 0x${high.toString(16)} 0x0 0x0`;
const pages = (did: number, iova: number, am = 0) => post(did * 0x1_0000 + 0xf2, iova + 0x40 + am);
const whole = (did: number) => post(did * 0x1_0000 + 0xe2, 0);
const tlb = (device: number, iova: number) => post((0x100 + device * 8) * 2 ** 32 + 3, iova);
/** Unmapped, forgotten as said, back with its driver. */
const unmap = (device: number, iova: number, ...told: readonly string[]) => [
  raw("unmap", iova),
  ...told,
  named("unmap", device, iova),
];

const top = 0xffff_f000;
const found = (...events: readonly string[]) => audited(made(...events)).invalidations!;
/** What was seen to be healthy before, and goes on to be after. */
const healthy = (device: number, did: number, ...more: readonly string[]) =>
  [1, 2, 3].flatMap((n) => [
    ...map(device, top - n * 0x1_0000),
    ...unmap(device, top - n * 0x1_0000, pages(did, top - n * 0x1_0000), ...more),
  ]);

describe("made recordings", () => {
  const around = (...events: readonly string[]) => [...attach(3, 5), ...healthy(3, 5), ...events, ...healthy(3, 5)];

  test("lazy: from when its driver has it until the domain is flushed", () => {
    const events = [
      ...attach(3, 5),
      ...map(3, top),
      ...map(3, top - 4096),
      raw("unmap", top),
      `@2000000 ${named("unmap", 3, top)}`,
      raw("unmap", top - 4096),
      `@2004000 ${named("unmap", 3, top - 4096)}`,
      `@2010000 ${whole(5)}`,
      ...map(3, top),
    ];
    expect(found(...events)).toMatchObject({
      ...{ unmaps: 2, covered: 2, broken: 0, waiting: 0 },
      reachable: { count: 2, of: 2, median: 0.006, max: 0.01, byteSeconds: 4096 * 0.016 },
    });
  });

  test("lazy: memory that is mapped anew before the flush, and after it", () => {
    const elsewhere = map(3, top - 0x10000);
    const gone = [...attach(3, 5), ...map(3, top), ...unmap(3, top)];
    expect(found(...gone, ...elsewhere, whole(5))).toMatchObject({ covered: 1, mappedAnew: 1 });
    expect(found(...gone, whole(5), ...elsewhere)).toMatchObject({ covered: 1, mappedAnew: 0 });
    const other = map(3, top - 0x10000).map((e) => e.replace("paddr=0x0000000007000000", "paddr=0x0000000008000000"));
    expect(found(...gone, ...other, whole(5))).toMatchObject({ covered: 1, mappedAnew: 0 });
  });

  test("what nothing has reached yet waits", () => {
    expect(found(...attach(3, 5), ...map(3, top), ...unmap(3, top))).toMatchObject({
      covered: 0,
      waiting: 1,
      unknown: [],
    });
  });

  const again = map(3, top);
  test.each([
    ["the page", [pages(5, top)], 0],
    ["more than the page", [pages(5, top - 3 * 4096, 2)], 0],
    ["all of the domain", [whole(5)], 0],
    ["all of all domains", [post(0xd2, 0)], 0],
    ["nothing", [], 1],
    ["another page", [pages(5, top - 4096)], 1],
    ["another domain", [pages(6, top)], 1],
    ["a device's TLB alone", [tlb(3, top)], 1],
    ["the context cache", [post(0x5_0021, 0)], 1],
  ])("told to forget: %s", (_, told, broken) => {
    const result = found(...around(...map(3, top), ...unmap(3, top, ...told), ...again));
    expect([result.broken, result.covered, result.unmaps]).toEqual([broken, 7 - broken, 7]);
  });

  test("two halves make a whole", () => {
    const both = [raw("unmap", top - 4096, 8192), pages(5, top - 4096), pages(5, top)];
    const events = [
      ...map(3, top - 4096, 8192),
      ...both,
      named("unmap", 3, top - 4096, 8192),
      ...map(3, top - 4096, 8192),
    ];
    expect(found(...around(...events))).toMatchObject({ covered: 7, broken: 0 });
    expect(found(...around(...events.filter((e) => e !== pages(5, top))))).toMatchObject({ covered: 6, broken: 1 });
  });

  test("a device's TLB must forget, too, and is named", () => {
    const twice = (...told: readonly string[]) => [
      ...attach(3, 5, true),
      ...[...map(3, top), ...unmap(3, top, pages(5, top), tlb(3, top))],
      ...[...map(3, top), ...unmap(3, top, ...told)],
      ...[...map(3, top), ...unmap(3, top, pages(5, top), tlb(3, top))],
      ...[...map(3, top), ...unmap(3, top, pages(5, top), tlb(3, top))],
    ];
    expect(found(...twice(pages(5, top), tlb(3, top)))).toMatchObject({ covered: 4, broken: 0 });
    const result = audited(made(...twice(pages(5, top))));
    expect(result.invalidations).toMatchObject({ covered: 3, broken: 1 });
    expect(accused(result)[0]!.detail).toContain("the TLB of 01:03.0 was told to forget it at");
  });

  test("another domain's use of the same address is none of its own", () => {
    const events = [...attach(4, 6), ...around(...map(3, top), ...unmap(3, top), ...map(4, top))];
    expect(found(...events)).toMatchObject({ broken: 0, waiting: 1 });
  });

  test("what no event names is of the domain in which its task has it forgotten, or of any", () => {
    const alone = [raw("map", top), raw("unmap", top)];
    expect(found(...around(...alone, pages(5, top)))).toMatchObject({ covered: 7, coveredInAll: 0 });
    const lazily = around(...alone, ...map(3, top - 4096), whole(5));
    expect(found(...lazily)).toMatchObject({ covered: 7, coveredInAll: 1, unknown: [] });
    const never = around(...alone, ...map(3, top - 4096));
    expect(found(...never)).toMatchObject({
      covered: 6,
      unknown: [{ count: 1, why: "no event names whose they are" }],
    });
  });

  test("units that number their domains alike are not told apart", () => {
    const result = found(...attach(3, 5), ...attach(4, 5), ...map(3, top), ...unmap(3, top, pages(5, top)));
    expect(result).toMatchObject({ covered: 0, note: expect.stringContaining("several units") });
  });

  test("a domain that was given up is forgotten with its tables", () => {
    const gone = "cache_tag_unassign: dmar0/dmar0 type iotlb did 5 pasid 0 ref 1";
    const result = found(...around(...map(3, top), ...unmap(3, top), gone, ...attach(3, 5), ...map(3, top)));
    expect(result).toMatchObject({ broken: 0, unknown: [{ count: 1, why: "their domain was given up" }] });
  });

  test("where caches are not traced, any domain's invalidation counts, and how long is not told", () => {
    const events = [...healthy(3, 5), ...map(3, top), ...unmap(3, top), ...map(3, top), ...healthy(3, 5)];
    const device = `attach_device_to_domain: IOMMU: device=${bdf(3)}`;
    expect(found(device, ...events)).toMatchObject({ covered: 6, broken: 1, reachable: null });
    const other = [...healthy(3, 5), ...map(3, top), ...unmap(3, top, pages(6, top)), ...map(3, top), ...healthy(3, 5)];
    expect(found(device, ...other)).toMatchObject({ covered: 7, broken: 0, reachable: null });
    const alone = [raw("map", top), raw("unmap", top), pages(5, top)];
    expect(found(...alone)).toMatchObject({ unmaps: 1, covered: 1, coveredInAll: 0, unknown: [] });
  });
});

test("a twentieth of the lines was cut out, and the header tells of it: nothing is accused that relies on them", () => {
  const draw = drawn(11);
  const left = fixtureText("vtd-ats")
    .split("\n")
    .filter((l) => l.startsWith("#") || draw() > 0.05);
  const { violations, invalidations, unjudged } = audited(left.join("\n"));
  expect([violations, invalidations!.broken]).toEqual([[], 0]);
  expect(JSON.stringify([unjudged, invalidations!.unknown])).toMatch(
    /entries that the recording's header counts are not in it/,
  );
});

test("lines out of their order accuse nobody", () => {
  const lines = fixtureText("vtd-ats").split("\n");
  const head = lines.filter((l) => l.startsWith("#"));
  const events = lines.filter((l) => l !== "" && !l.startsWith("#"));
  const draw = drawn(3);
  for (let from = 0; from + 20 <= events.length; from += 20)
    for (let i = from + 19; i > from; i--) {
      const j = from + Math.floor(draw() * (i - from + 1));
      [events[i], events[j]] = [events[j]!, events[i]!];
    }
  const { violations } = audited([...head, ...events].join("\n"));
  expect(violations).toEqual([]);
});

test.each(["vtd-legacy-strict", "vtd-ats", "vtd-scalable-fs"])(
  "%s, no device is seen to be attached: parts are no more than the whole",
  (name) => {
    const text = fixtureText(name)
      .split("\n")
      .filter((l) => !l.includes(" attach_device_to_domain: "));
    const { unmaps, covered, broken, waiting, unknown } = audited(counted(text.join("\n"))).invalidations!;
    expect(covered + broken + waiting + unknown.reduce((sum, u) => sum + u.count, 0)).toBe(unmaps);
  },
);
