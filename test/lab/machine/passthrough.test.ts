/** Devices that a hypervisor keeps by an IOMMU: its table is the domain's map, and a page goes as its policy says. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { machineLines } from "../../../src/report/machine/machine_lines.js";
import { type IommuKind, iommuKinds } from "../../../src/spec/linux/iommu_drivers.js";
import { type ReleasePolicyName, releasePolicies } from "../../../src/sw/iommu/lifetime/policies.js";
import { Reach } from "../../../src/sw/xen/index.js";
import { long } from "../../tier.js";

const preset = (name: string) => readFileSync(`machines/${name}.yaml`, "utf8");
const disk = "0000:00:03.0";

function vpIommu(kind: IommuKind) {
  const text = preset("vp-iommu")
    .replaceAll(/requests: \d+/g, "requests: 5")
    .replace("4096..131072", "4096..32768")
    .replace("memory: 512MiB\n", "")
    .replaceAll("memory: 128MiB", "memory: 4MiB")
    .replace("kind: vtd", `kind: ${kind}`);
  return describeMachine("m.yaml", `${kind === "smmuv3" ? "arch: arm\n" : ""}${text}`);
}

test.for(iommuKinds)("%s: the hypervisor's table is the domain's map, own pages and foreign ones", (kind) => {
  let foreign = 0;
  for (const stepMax of long ? [150, 300] : [300]) {
    const { host } = runMachine(vpIommu(kind), { checks: false, stepMax });
    const { d } = host.xen!.kernel;
    const wrong: number[] = [];
    for (let page = 0; page < d.map.length + 8; page++) {
      const reach = d.map.reachOf(page);
      // Pages of the hypervisor's heap are for the processors alone.
      const isThere = (reach & Reach.present) !== 0 && (reach & Reach.status) === 0;
      if (isThere && (reach & Reach.granted) !== 0) foreign++;
      const at = isThere ? d.map.frameOf(page) * 4096 + 5 : -1;
      if (host.iommu!.behind(disk, page * 4096 + 5) !== at) wrong.push(page);
    }
    expect(wrong).toEqual([]);
  }
  expect(foreign).toBeGreaterThan(0);
});

test.for(iommuKinds)("%s: every byte arrives, nothing is left, and each page that goes is flushed", (kind) => {
  const o = outcomeOf(runMachine(vpIommu(kind)));
  expect([isTrouble(o), o.left, o.iommu!.refused, o.xen!.pageLifetime!.strayed]).toEqual([false, [], [], 0]);
  // Pages of others are mapped and unmapped, and the disk's TLB is told each time.
  const told = o.iommu!.descriptors.find((d) => /device-TLB|IOTLB_PAGES|ATC_INV/.test(d.what))!.count;
  expect(told).toBeGreaterThanOrEqual(o.xen!.hypercalls["map_grant_ref"]!);
  expect(machineLines(o, { color: false, width: 200 }).join("\n")).toContain("the hypervisor's, which has what goes");
});

test("an address that the domain has no page at is refused, and the hypervisor hears of it", () => {
  const run = runMachine(vpIommu("vtd"));
  const beyond = run.host.xen!.kernel.d.map.length * 4096;
  expect(run.host.iommu!.behind(disk, beyond)).toBe(-1);
  expect(run.host.port.write(0x28, beyond, Uint8Array.of(1))).toBe("fault");
  expect(run.host.iommu!.counts.refused).toMatchObject([{ requester: 0x28, asked: "write", code: 5, first: [beyond] }]);
});

interface PassedThrough {
  readonly policy: ReleasePolicyName;
  readonly answers?: string;
  readonly requests?: number;
  readonly pages?: number;
}

function passedThrough({ policy, answers = "in time", requests = 30, pages = 15 }: PassedThrough) {
  const text = preset("xen-hvm-passthrough")
    .replaceAll("memory: 4MiB", "memory: 2MiB")
    .replace("xen-2021", policy)
    .replace("answers: in time", `answers: ${answers}`)
    .replace("requests: 1000, size: 4096..16384", `requests: ${requests}, size: 4096..8192`)
    .replaceAll("requests: 200", `requests: ${pages}`);
  const o = outcomeOf(runMachine(describeMachine("m.yaml", text)));
  return {
    o,
    pages: o.xen!.pageLifetime!,
    lines: machineLines(o, { color: false, width: 100 }).join(" ").replaceAll(/ +/g, " "),
  };
}

const policies = Object.keys(releasePolicies) as ReleasePolicyName[];

test.for(policies)(
  "%s: where the device answers in time no page is reached, none is left, every byte arrives",
  (policy) => {
    const { o, pages } = passedThrough({ policy });
    const goesFirst = policy === "no-wait" || policy === "batch-without-references";
    expect([isTrouble(o), o.left, pages.strayed, pages.giveUps]).toEqual([goesFirst, [], 0, 0]);
    expect([pages.freeWhileOwed > 0, pages.freeUnfenced]).toEqual([goesFirst, 0]);
    expect(o.violationTotals).toEqual(goesFirst ? [{ rule: "I3", count: pages.freeWhileOwed }] : []);
    expect(pages).toMatchObject({ policy, givenBack: 15 });
    expect(o.programs.map((p) => [p.ended, p.failed, p.bytesRead > 0])).toEqual([
      [30, 0, true],
      [15, 0, true],
      [15, 0, true],
    ]);
  },
);

describe("a device that forgets late", () => {
  const late = { answers: "late", requests: 400, pages: 40 } as const;

  test("pages that are free when their entries are gone are reached by a device that forgets late", () => {
    const { o, pages, lines } = passedThrough({ policy: "no-wait", ...late });
    expect(pages.strayed).toBeGreaterThan(0);
    expect(o.violationTotals).toContainEqual({ rule: "owner", count: pages.strayed });
    const [first] = pages.first;
    expect(first).toMatchObject({ device: disk, by: "device TLB", flushed: null });
    expect(first!.owner).not.toBe(1);
    expect(first!.freed!).toBeGreaterThan(first!.unmapped);
    expect(first!.step).toBeGreaterThan(first!.freed!);
    expect(lines).toMatch(
      /the device's own TLB led there; until step [\d,]+ it had been the guest's, at 0x\w+, and it was free/,
    );
    expect(lines).toMatch(/A device reached memory that was its domain's no more/i);
  });

  test.for(["xen-2021", "batch-with-references", "async-paused"] as const)(
    "%s: it is waited for, however often the unit gives it up, and reaches nothing",
    (policy) => {
      const { o, pages } = passedThrough({ policy, ...late, requests: 60, pages: 15 });
      expect([isTrouble(o), pages.strayed, o.left]).toEqual([false, 0, []]);
      expect(pages.giveUps).toBeGreaterThan(8);
    },
  );

  test("fence-then-free: it is blocked before a page goes; its requests fail and no byte is anybody else's", () => {
    const { o, pages } = passedThrough({ policy: "fence-then-free", ...late, requests: 800 });
    expect([pages.strayed, o.left, o.programs.flatMap((p) => p.wrong)]).toEqual([0, [], []]);
    expect(o.programs[0]!.failed).toBeGreaterThan(100);
    expect(o.programs.slice(1).map((p) => p.ended)).toEqual([40, 40]);
    expect([o.iommu!.refused, o.violationTotals]).toEqual([[], []]);
    const [taken] = o.iommu!.takenAway;
    expect(taken).toMatchObject({ device: disk });
    expect(taken!.refused).toBeGreaterThan(100);
  });
});

test.for(["fence-then-free", "xen-2016"] as const)(
  "%s: that a device was taken away is said once, and its refusals break no rule",
  (policy) => {
    const { o, pages, lines } = passedThrough({ policy, answers: "never", requests: 400 });
    // In 2016 one word stood for all that a processor waited for: a wait from before the fence answers for the fence.
    const early = policy === "xen-2016" ? 1 : 0;
    expect([pages.freeWhileOwed, pages.freeUnfenced]).toEqual([early, early]);
    expect(o.violationTotals.map((t) => t.rule)).toEqual(early === 1 ? ["I3", "I8"] : []);
    expect(lines).toMatch(/0000:00:03\.0 was taken away at step [\d,]+; \d+ later accesses were refused/);
    expect(lines.includes("no rule was broken")).toBe(early === 0);
  },
);

test.for(["linux-amdvi", "linux-smmuv3"] as const)(
  "%s: pages of a device that was given up and not blocked are broken rules, though none is reached",
  (policy) => {
    const { o, pages, lines } = passedThrough({ policy, answers: "never" });
    expect([pages.strayed, pages.freeWhileOwed, pages.freeUnfenced]).toEqual([0, 15, 15]);
    expect(o.violationTotals).toEqual([
      { rule: "I3", count: 15 },
      { rule: "I8", count: 15 },
    ]);
    expect(lines).toMatch(/^✗ Rules were broken 30 times/);
  },
);

test.for(["xen-2021", "batch-with-references", "async-paused", "fence-then-free"] as const)(
  "%s: who believes a device that forgets nothing is not shown to be safe",
  (policy) => {
    const { o, lines } = passedThrough({ policy, answers: "wrong" });
    expect(o.iommu!.wrongAnswers).toEqual([{ device: disk, count: 15 }]);
    expect(lines).toMatch(
      /^\? Not shown to be safe: 0000:00:03\.0 answered 15 invalidations and had forgotten nothing/,
    );
  },
);

test("wrong answers are counted where no page is given back, and calls of grants by operation", () => {
  const text = preset("vp-iommu")
    .replaceAll(/requests: \d+/g, "requests: 5")
    .replaceAll("memory: 128MiB", "memory: 4MiB")
    .replace("4096..131072", "4096..32768")
    .replace("memory: 512MiB\n", "")
    .replace("ats: true", "ats: true, answers: wrong");
  const o = outcomeOf(runMachine(describeMachine("m.yaml", text)));
  expect(o.iommu!.wrongAnswers[0]!.count).toBeGreaterThan(0);
  // What is mapped one by one is unmapped one by one: both are counted as operations.
  expect(o.xen!.hypercalls["unmap_grant_ref"]).toBe(o.xen!.hypercalls["map_grant_ref"]);
});

test("a device that never answers: who waits for ever waits for ever, and nobody else does", () => {
  const { o, pages } = passedThrough({ policy: "xen-2021", answers: "never" });
  expect(o.programs.map((p) => p.ended)).toEqual([30, 0, 15]);
  expect([o.idle, pages.strayed, pages.giveUps, isTrouble(o)]).toEqual([true, 0, 3, true]);
});

test("who does not wait holds the pages of a device that never answers, and they are told as left over", () => {
  const { o, pages } = passedThrough({ policy: "async-running", answers: "never" });
  expect(pages.strayed).toBe(0);
  expect(o.left.filter((l) => l.what === "reference")).toEqual([
    { domain: 1, what: "reference", count: pages.givenBack },
  ]);
});

test("paused processors do nothing until the flush is done", () => {
  const { o, pages } = passedThrough({ policy: "async-paused", answers: "never" });
  expect(pages.givenBack).toBe(1);
  expect(o.programs[0]!.ended).toBeLessThan(30);
  expect(o.programs[2]!.ended).toBe(15);
});

test.for([
  [
    "another model",
    (t: string) => t.replace("model: vp+iommu", "model: p2m"),
    "model: vp+iommu, whose hypervisor has the IOMMU",
  ],
  ["lazy", (t: string) => t.replace("kind: vtd", "kind: vtd, policy: lazy"), "policy: strict, as a hypervisor flushes"],
  ["no such domain", (t: string) => t.replace("passthrough: 1", "passthrough: 7"), "one of its domains, to which"],
  ["no domain 0", (t: string) => t.replace("id: 0", "id: 5"), "expected domain 0, found none"],
  [
    "no IOMMU",
    (t: string) => t.replace(/^iommu.*$/m, "").replace(/ats: true.*in time/, ""),
    "an iommu: of the machine, which keeps",
  ],
  [
    "another unit",
    (t: string) => t.replace("kind: vtd", "kind: amdvi"),
    "pageLifetime: only with iommu: { kind: vtd }",
  ],
  [
    "no TLB that answers",
    (t: string) => t.replace("ats: true, answers: in time", "answers: late"),
    "answers: in time, or ats: true",
  ],
  ["not trusted", (t: string) => t.replace("answers: in time", "untrusted: true"), "untrusted: false, or no xen:"],
  [
    "a balloon with a device",
    (t: string) => t.replace("balloon, requests", `balloon, device: "${disk}", requests`),
    "no device: a balloon works",
  ],
  ["a disk without", (t: string) => t.replace(`disk, device: "${disk}",`, "disk,"), "device: what it works on"],
  [
    "a guest's program from who drives",
    (t: string) => t.replace("from: 2", "from: 1").replace("balloon, from", `blkback, device: "${disk}", from`),
    "a guest (0, 2)",
  ],
] as const)("what cannot be at once is said with its place: %s", ([, change, said]) => {
  const text = preset("xen-hvm-passthrough");
  expect(change(text)).not.toBe(text);
  expect(() => describeMachine("m.yaml", change(text))).toThrow(said);
});

test("a balloon needs a hypervisor", () => {
  expect(() => describeMachine("m.yaml", "workload: [ { program: balloon } ]")).toThrow("needs no hypervisor");
});

test("a guest that has devices serves others by them", () => {
  const text = preset("xen-hvm-passthrough")
    .replaceAll(/requests: \d+/g, "requests: 10")
    .replace("{ program: balloon, from: 2,", `{ program: blkback, device: "${disk}", size: 4096..16384, from: 2,`);
  const o = outcomeOf(runMachine(describeMachine("m.yaml", text)));
  expect([isTrouble(o), o.left, o.programs.map((p) => p.ended)]).toEqual([false, [], [10, 10, 10]]);
});

test.runIf(long).each(policies)(
  "%s: 400 requests beside 80 pages, the device answering as it should or twice",
  (policy) => {
    for (const answers of ["in time", "twice"]) {
      const { o } = passedThrough({ policy, answers, requests: 400, pages: 80 });
      const broken = policy === "no-wait" || policy === "batch-without-references";
      expect([answers, broken || !isTrouble(o), o.left]).toEqual([answers, true, []]);
    }
  },
  300_000,
);
