/** What a machine's IOMMU was asked, told and refused, in its outcome and in what is printed of it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { Timeline } from "../../../src/lab/machine/timeline/timeline.js";
import { machineLines } from "../../../src/report/machine/machine_lines.js";
import type { IommuKind } from "../../../src/spec/linux/iommu_drivers.js";
import { long } from "../../tier.js";

const preset = readFileSync("machines/vtd-strict.yaml", "utf8")
  .replaceAll(/requests: \d+/g, "requests: 12")
  .replaceAll(/\d+\.\.131072|\d+\.\.65536/g, "4096..16384");

type Posted = Readonly<Record<string, number>>;

interface Row {
  readonly title: string;
  /** Commands that forget pages, all of a domain, what a device keeps; that tell of their end. */
  readonly pages: string;
  readonly whole: string;
  readonly tlb: string;
  readonly wait: string;
  /** Of `whole`, beside flushes; of `tlb`, beside unmappings. */
  readonly started: number;
  /** Of `whole`, where three devices pass untranslated. */
  readonly passed: number;
  readonly asked: number;
  readonly waits: (p: Posted) => number;
  readonly code: number;
  readonly words: string;
}

const kinds: Readonly<Record<IommuKind, Row>> = {
  vtd: {
    ...{ title: "VT-d", pages: "IOTLB invalidate", whole: "IOTLB invalidate", tlb: "device-TLB invalidate" },
    // The unit switched on, and three devices attached.
    ...{ wait: "invalidation wait", started: 1 + 3, passed: 1 + 3, asked: 0, waits: (p) => p["IOTLB invalidate"]! },
    ...{ code: 6, words: "no entry on the way to the page allows reading" },
  },
  "vtd-scalable": {
    ...{ title: "VT-d in scalable mode", pages: "PASID-based IOTLB invalidate", whole: "PASID-based IOTLB invalidate" },
    ...{ tlb: "device-TLB invalidate", wait: "invalidation wait", started: 3, asked: 0 },
    ...{ waits: (p) => p["PASID-based IOTLB invalidate"]! + 1, passed: 0 },
    ...{ code: 0x71, words: "a first-stage page-table entry is not present" },
  },
  amdvi: {
    ...{
      title: "AMD-Vi",
      pages: "INVALIDATE_IOMMU_PAGES",
      whole: "INVALIDATE_IOMMU_PAGES",
      tlb: "INVALIDATE_IOTLB_PAGES",
    },
    ...{ wait: "COMPLETION_WAIT", started: 0, passed: 0, asked: 1, waits: (p) => p["INVALIDATE_IOMMU_PAGES"]! + 1 + 3 },
    ...{ code: 2, words: "the device used an address that its page table does not allow" },
  },
  smmuv3: {
    ...{ title: "SMMUv3", pages: "CMD_TLBI_NH_VA", whole: "CMD_TLBI_NH_ASID", tlb: "CMD_ATC_INV", wait: "CMD_SYNC" },
    // Two of the unit switched on; of each device two for its context and two for its entry.
    ...{ started: 0, passed: 0, asked: 1, waits: (p) => p["CMD_TLBI_NH_VA"]! + p["CMD_ATC_INV"]! + 2 + 3 * 4 },
    ...{ code: 0x10, words: "nothing is mapped at the address" },
  },
};

const all = Object.entries(kinds).map(([kind, row]) => ({ kind, ...row }));

function ran(kind: string, change: (text: string) => string) {
  const arch = kind === "smmuv3" ? "arm" : "x86";
  const text = `arch: ${arch}\n${change(preset).replace("kind: vtd", `kind: ${kind}`)}`;
  const timeline = new Timeline(1e6);
  const o = outcomeOf(runMachine(describeMachine("m.yaml", text), { timeline }));
  const iommu = o.iommu!;
  const posted = Object.fromEntries(iommu.descriptors.map((d) => [d.what, d.count]));
  const lines = machineLines(o, { color: false, width: 200 });
  const at = lines.findIndex((line) => line.startsWith("IOMMU"));
  return { o, iommu, posted, timeline, told: lines.slice(at, lines.indexOf("", at)) };
}
const policy = (name: string) => (text: string) => text.replace("policy: strict", `policy: ${name}`);

describe.each(all)("$kind", ({ kind, title, started, passed, asked, waits, code, words, ...commands }) => {
  const { pages, whole, tlb, wait } = commands;
  test("strict: a flush and a wait for each unmapping, one more command where the device has a TLB", () => {
    const { o, iommu, posted, told, timeline } = ran(kind, (text) => text);
    // A list is one range: it is unmapped at once.
    const asks = timeline.events.filter((e) => e.lane === "DMA API" && e.what.startsWith("map "));
    const unmappings = asks.length;
    const [nvme] = o.programs;
    // Eight coherent buffers of the drivers are given back too.
    const atStart = pages === whole ? started : 0;
    expect(posted[pages]! - unmappings - 8).toBe(atStart);
    expect(posted[wait]).toBe(waits(posted));
    expect(posted[tlb]! - nvme!.requests - asked).toBeLessThan(4);
    expect(iommu).toMatchObject({ kind, policy: "strict", refused: [], recorded: 0, domainFlushes: 0 });
    expect(iommu.fromCache).toBeGreaterThan(0);
    expect(iommu.fromCache).toBeLessThan(iommu.untranslated);
    expect(isTrouble(o)).toBe(false);
    expect(told.length).toBeGreaterThan(3);
    expect(told.length).toBeLessThan(6);
  });

  test("no TLB in devices: none is asked", () => {
    const { o, iommu, posted } = ran(kind, (text) => text.replace(", ats: true", ""));
    expect(posted[tlb]).toBeUndefined();
    expect(iommu).toMatchObject({ translationRequests: 0, translated: 0, refused: [] });
    expect(isTrouble(o)).toBe(false);
  });

  test("lazy: few flushes, each for many addresses, and what that leaves open is said", () => {
    const { o, iommu, posted, told } = ran(kind, policy("lazy"));
    expect(iommu.domainFlushes).toBeGreaterThan(0);
    expect(iommu.waitingMost).toBeGreaterThan(1);
    expect(posted[whole]).toBe(iommu.domainFlushes + started);
    expect(told.join("\n")).toMatch(/flush(es)? of a whole domain; at most \d+ unmapped addresses waited/);
    expect(isTrouble(o)).toBe(false);
  });

  test("passed by: nothing is translated, nothing is flushed", () => {
    const { o, iommu, posted, told } = ran(kind, policy("pass-through"));
    expect(iommu).toMatchObject({ domainFlushes: 0, refused: [] });
    expect(posted[whole] ?? 0).toBe(passed);
    expect(told[0]).toBe(`IOMMU: ${title}, the kernel lets devices pass it`);
    expect(isTrouble(o)).toBe(false);
  });

  const ways = kind === "vtd" ? ["strict", "lazy", "pass-through"] : ["strict"];
  test.for(ways)("memory and tables beyond 4 GiB, %s: every byte arrives", (name) => {
    const { o, iommu } = ran(kind, (text) => policy(name)(text).replace("memory: 2GiB", "memory: 8GiB"));
    const high = o.dma.filter((d) => d.phys >= 2 ** 32);
    expect(high.length > 0).toBe(true);
    if (name !== "pass-through") for (const d of high) expect(d.bus).toBeLessThan(2 ** 32);
    expect([isTrouble(o), iommu.refused]).toEqual([false, []]);
    expect(o.programs.map((p) => p.ended)).toEqual([12, 12, 12]);
  });

  test("a driver that hands out physical addresses is refused, and it is said whose, why and where", () => {
    const legacy = 'program: legacy-dma, device: "0000:00:04.0"';
    const { o, iommu, told } = ran(kind, (text) => text.replace('program: disk, device: "0000:00:04.0"', legacy));
    expect(iommu.refused).toMatchObject([{ device: "0000:00:04.0", asked: "read", isFault: true, code, words }]);
    const { count } = iommu.refused[0]!;
    expect(count).toBeGreaterThan(3);
    expect(iommu.recorded).toBeGreaterThan(0);
    expect(iommu.recorded).toBeLessThanOrEqual(count);
    expect(isTrouble(o)).toBe(true);
    expect(told.join(" ").replaceAll(/ +/g, " ")).toContain(
      `0000:00:04.0: ${count} reads refused (${words}), first at 0x`,
    );
    expect(machineLines(o, { color: false, width: 200 })[0]).toContain(
      `The IOMMU refused ${count} accesses of 0000:00:04.0`,
    );
  });
});

const uses = Object.keys(kinds).flatMap((kind) =>
  ["strict", "lazy", "pass-through"].flatMap((name) => [true, false].map((ats) => ({ kind, name, ats }))),
);

/** Whole sizes, many requests: what the first tier asks of each preset, of every way to use each kind. */
test.runIf(long).each(uses)(
  "1,200 requests of $kind, $name, a device TLB: $ats, in 8 GiB",
  ({ kind, name, ats }) => {
    const file = kind.startsWith("vtd") ? "vtd-scalable" : kind;
    const text = readFileSync(`machines/${file}.yaml`, "utf8")
      .replace("memory: 2GiB", "memory: 8GiB")
      .replace(`kind: ${file}, policy: strict`, `kind: ${kind}, policy: ${name}`)
      .replace("ats: true", `ats: ${ats}`)
      .replaceAll("requests: 1000", "requests: 400");
    const run = runMachine(describeMachine(`${file}.yaml`, text), { checks: false });
    const o = outcomeOf(run);
    expect([isTrouble(o), o.left, o.iommu!.refused]).toEqual([false, [], []]);
    expect(o.iommu).toMatchObject({ kind, policy: name });
    expect(o.programs.map((p) => [p.ended, p.failed, p.wrong.length])).toEqual(Array(3).fill([400, 0, 0]));
  },
  600_000,
);

test("scalable mode with tables of the second stage is flushed by domain; old kernels know no other", () => {
  const explicit = ran("vtd-scalable", (text) => text.replace("policy: strict", "policy: strict, stage: second"));
  const old = ran("vtd-scalable", (text) => text.replace('"7.2"', '"5.4"'));
  for (const { o, posted } of [explicit, old]) {
    expect(isTrouble(o)).toBe(false);
    expect(posted["IOTLB invalidate"]).toBeGreaterThan(100);
    expect(posted["PASID-based IOTLB invalidate"]).toBeUndefined();
  }
});

test("a device told that there is no translation has made no fault, and it is said which requests were none", () => {
  const legacy = 'program: legacy-dma, device: "0000:00:03.0"';
  const { iommu, told } = ran("vtd", (text) => text.replace('program: disk, device: "0000:00:03.0"', legacy));
  expect(iommu.refused).toMatchObject([{ device: "0000:00:03.0", asked: "translation", isFault: false, code: 0 }]);
  expect(new Set(iommu.refused[0]!.first).size).toBe(iommu.refused[0]!.first.length);
  expect([iommu.recorded, told.some((line) => line.includes("the kernel was told"))]).toEqual([0, false]);
  expect(told.join(" ").replace(/ +/g, " ")).toContain("translations refused (the tables have no translation");
});

test.for([
  ["arch: arm", (text: string) => `arch: arm\n${text}`, "an IOMMU of arm; vtd is known here on x86"],
  ["an old kernel", (text: string) => text.replace('"7.2"', '"2.6.23"'), 'a driver for vtd ("2.6.24" or later)'],
  ["no arch: arm", (text: string) => text.replace("kind: vtd", "kind: smmuv3"), "smmuv3 is known here on arm"],
  [
    "an old kernel of the first stage",
    (text: string) => text.replace("kind: vtd", "stage: first, kind: vtd-scalable").replace('"7.2"', '"5.4"'),
    'a kernel that uses the first stage ("5.6" or later)',
  ],
  [
    "a stage of a unit with one",
    (text: string) => text.replace("kind: vtd", "stage: first, kind: vtd"),
    "only of vtd-scalable",
  ],
  ["encrypted", (text: string) => `encrypted: true\n${text}`, "memory that is not encrypted"],
  ["no IOMMU", (text: string) => text.replace(/^iommu.*$/m, ""), "an iommu: of the machine"],
  [
    "fetchBits: 100",
    (text: string) => text.replace("policy: strict", "policy: strict, fetchBits: 100"),
    "64, 128, 256",
  ],
] as const)("what cannot be at once, or at all, is said with its place: %s", ([, change, said]) => {
  expect(() => describeMachine("m.yaml", change(preset))).toThrow(said);
});
