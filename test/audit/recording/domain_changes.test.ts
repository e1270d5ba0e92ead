/** Domain changes: of real kernels, of the same with lines taken away, and drawn ones of each kind, right and wrong. */
import { describe, expect, test } from "vitest";
import { type AuditResult, RecordingAudit } from "../../../src/audit/index.js";
import { memorySource } from "../../../src/read/bytes.js";
import { EventBatch } from "../../../src/read/event.js";
import { openFtraceText } from "../../../src/read/index.js";
import { fixtureText } from "../../read/fixture.js";

function audited(text: string): AuditResult {
  const source = openFtraceText(memorySource("text", Buffer.from(text, "latin1")));
  const audit = new RecordingAudit(source);
  const batch = new EventBatch();
  while (source.next(batch)) audit.feed(batch);
  return audit.finish();
}

/** The same lines under a header that counts them: as of a kernel that wrote no others. */
function counted(lines: readonly string[]): string {
  const events = lines.filter((l) => l !== "" && !/^(#|CPU:)/.test(l)).length;
  return lines.join("\n").replace(/(entries-written: )\d+\/\d+/, `$1${events}/${events}`);
}

const counting = (r: AuditResult) => ({ ...r.domainChanges!, changes: r.domainChanges!.changes.map((c) => c.order) });
const ofChanges = (r: AuditResult) => r.violations.filter(({ rule }) => rule.startsWith("domain-"));

describe("real kernels", () => {
  const all = (count: number) => ({ count, covered: count, broken: 0, unknown: [] });
  test.each([
    ["vtd-ats", 10],
    ["vtd-legacy-strict", 9],
    ["vtd-scalable", 9],
    ["vtd-scalable-fs", 9],
    ["amdvi", 9],
    ["smmuv3", 4],
    ["four-cpus-6.12", 7],
  ])("%s: each of its devices has one domain", (name, first) => {
    const found = audited(fixtureText(`${name}/trace.txt.gz`));
    expect(found.domainChanges).toEqual({ first, count: 0, broken: 0, changes: [], again: all(0) });
    expect(found.violations).toEqual([]);
  });

  const type = ["domain 3", "identity", "identity", "domain 3", "domain 3", "none"];
  const vfio = Array.from({ length: 4 }, () => ["domain 5", "blocked", "blocked", "domain 5"]).flat();
  test.each(["7.2", "6.12"])(
    "%s: the type of a group is switched, a device removed and added, two given to programs",
    (release) => {
      const found = audited(fixtureText(`domain-changes-${release}/trace.txt.gz`));
      const changes = found.domainChanges!.changes;
      const sides = changes.flatMap(({ from, to }) => [from, to]);
      const shown = sides.map(({ kind, domain }) => (kind === "translated" ? `domain ${domain}` : kind));
      expect(shown).toEqual([...type, ...vfio]);
      expect(counting(found)).toMatchObject({ first: 9, count: 11, broken: 0, again: all(6) });
      expect(changes.map(({ order }) => order)).toEqual(shown.filter((_, n) => n % 2 === 0).map(orderOf));
      expect(found.violations).toEqual([]);
    },
  );
  const orderOf = (from: string) => (from === "blocked" ? "unknown" : "kept");

  test("the gap is told as far as events show it", () => {
    const { changes } = audited(fixtureText("domain-changes-7.2/trace.txt.gz")).domainChanges!;
    expect(changes[0]!.gap!.atLeast).toBeCloseTo(0.000_382, 9);
    expect(changes[0]!.gap!.atMost).toBeCloseTo(0.001_234, 9);
    expect(changes[1]!.gap).toMatchObject({ atMost: null });
    expect(changes[3]).toMatchObject({ gap: null, gapNote: "the new domain blocks" });
    // With caching mode the set-up is seen, too: the new domain is there before attaching is done.
    const cached = audited(fixtureText("domain-changes-6.12/trace.txt.gz")).domainChanges!.changes[0]!;
    expect(cached.gap!.atMost).toBeCloseTo(0.000_782, 9);
    expect(cached.asked).toEqual([
      ...["context cache (domain 3)", "IOTLB (domain 3)", "context cache (absent entries)", "IOTLB (domain 1)"],
    ]);
  });

  test("no event of the driver, no answer but that it was attached again", () => {
    const { changes } = audited(fixtureText("identity-in-the-midst-7.3/trace.txt.gz")).domainChanges!;
    expect(changes).toHaveLength(4);
    for (const { gap, order, from } of changes) expect([gap, order, from.kind]).toEqual([null, "unknown", "unknown"]);
  });

  test("a line of a change that is missing accuses nobody where the header counts more", () => {
    const lines = fixtureText("domain-changes-7.2/trace.txt.gz").split("\n");
    const ofIt = lines.flatMap((l, n) =>
      / (cc_inv|iotlb_inv dmar0: 0x[0-9a-f]+00e2|cache_tag_\w*assign)/.test(l) ? [n] : [],
    );
    const left = lines.filter((_, n) => !ofIt.includes(n) || n % 3 > 0);
    expect(ofChanges(audited(left.join("\n")))).toEqual([]);
  });
});

const hex = (value: bigint) => `0x${value.toString(16)}`;
const submit = (what: string, low: bigint, high = 0n) => `qi_submit: ${what} dmar0: ${hex(low)} ${hex(high)} 0x0 0x0`;
const context = (domain: number, sid: number, functions = 0) =>
  submit("cc_inv", (BigInt(functions) << 48n) | (BigInt(sid) << 32n) | BigInt(domain << 16) | 0x31n);
const iotlb = (domain: number) => submit("iotlb_inv", BigInt(domain << 16) | 0xe2n);
const page = (domain: number) => submit("iotlb_inv", BigInt(domain << 16) | 0xf2n, 0x1000n);
const pasidCache = (domain: number, pasid: number) =>
  submit("pc_inv", (BigInt(pasid) << 32n) | BigInt(domain << 16) | 0x17n);
const pasidIotlb = (domain: number, pasid: number) =>
  submit("p_iotlb_inv", (BigInt(pasid) << 32n) | BigInt(domain << 16) | 0x26n);
const deviceTlb = (sid: number) => submit("dev_tlb_inv", (BigInt(sid) << 32n) | 3n, 0x7fff_ffff_ffff_f001n);
const globalIotlb = submit("iotlb_inv", 0xd2n);
const tag = (verb: string, domain: number, pasid = 0, of = "dmar0", users = 1) =>
  `cache_tag_${verb}: dmar0/${of} type ${of === "dmar0" ? "iotlb" : "devtlb"} did ${domain} pasid ${pasid} ref ${users}`;
const assign = (domain: number, pasid = 0, of = "dmar0") => tag("assign", domain, pasid, of);
const unassign = (domain: number, pasid = 0, of = "dmar0") => tag("unassign", domain, pasid, of);
const attach = (device = nic) => `attach_device_to_domain: IOMMU: device=${device}`;
const leave = (device = nic) => `remove_device_from_group: IOMMU: groupID=3 device=${device}`;
const nic = "0000:00:03.0";
const sid = 0x18;

/** What other tasks do: two CPUs have events, and caches of other domains are told to forget, before and after. */
const others = (domain: number) => [
  ...[assign(domain), attach("0000:00:04.0"), unassign(domain), context(domain, 0x20), iotlb(domain)],
  attach("0000:00:04.0"),
];
const othersBefore = [submit("cc_inv", 0x11n), globalIotlb, ...others(40), ...others(40), ...others(40), ...others(40)];
/** What each event of a drawn recording is: the task of the change goes on from 1 s in steps of 10 µs. */
function drawn(events: readonly string[], before = othersBefore): string[] {
  const at = (n: number) => (1 + n / 100_000).toFixed(6);
  const by = (task: string, cpu: number) => (body: string, n: number) =>
    `${task.padStart(16)} [00${cpu}] d..1. ${at(n)}: ${body}`;
  const changing = events.map((e, n) =>
    e.startsWith("CPU:") ? e : by(e.startsWith("dma_") ? "idle-0" : "task-7", 0)(e, before.length + n),
  );
  const end = by("idle-0", 1)(page(41), before.length + events.length);
  const head = ["# tracer: nop", "#", "# entries-in-buffer/entries-written: 0/0   #P:2", "#"];
  return [...head, ...before.map(by("init-1", 1)), ...changing, end, ""];
}

const seen = (events: readonly string[]) => {
  const found = audited(counted(drawn(events)));
  const changes = found.domainChanges!.changes.filter(({ device }) => device !== "0000:00:04.0");
  return { found, changes, change: changes[0]!, accused: ofChanges(found).map(({ rule }) => rule) };
};

const first = [assign(3), attach()];
const tornDown = [unassign(3), context(3, sid), iotlb(3)];
const replaced = [...tornDown, assign(4), attach()];
const withAts = [assign(3), assign(3, 0, nic), attach()];

describe("changes of each kind", () => {
  test.each([
    [
      "another domain",
      [...first, ...replaced],
      { from: { kind: "translated", domain: 3 }, to: { kind: "translated", domain: 4 } },
    ],
    [
      "scalable, by PASID cache",
      [...first, unassign(3), pasidCache(3, 0), pasidIotlb(3, 0), assign(4), attach()],
      { to: { kind: "translated", domain: 4 }, order: "kept" },
    ],
    [
      "everything is forgotten at once",
      [...first, unassign(3), context(3, sid), globalIotlb, assign(4), attach()],
      { order: "kept" },
    ],
    [
      "every function of the device is forgotten",
      [...first, unassign(3), context(3, sid + 7, 3), iotlb(3), assign(4), attach()],
      { order: "kept", asked: ["context cache (domain 3)", "IOTLB (domain 3)"] },
    ],
    [
      "a device with a TLB of its own",
      [...withAts, unassign(3), unassign(3, 0, nic), context(3, sid), iotlb(3), deviceTlb(sid), assign(4), attach()],
      { order: "kept", asked: ["context cache (domain 3)", "IOTLB (domain 3)", "device TLB"] },
    ],
    [
      "released",
      [...first, leave(), ...tornDown],
      { how: "release", to: { kind: "none", domain: null }, gapNote: "no domain follows" },
    ],
    [
      "torn down, and attaching fails",
      [
        ...first,
        ...tornDown,
        "map: IOMMU: iova=0x0000000000001000 - 0x0000000000002000 paddr=0x0000000000005000 size=4096",
      ],
      { how: "torn down", device: null },
    ],
    [
      "a PASID is given another domain",
      [
        assign(3, 7),
        "unmap: IOMMU: iova=0x0000000000001000 - 0x0000000000002000 size=4096 unmapped_size=4096",
        assign(4, 7),
        pasidCache(3, 7),
        pasidIotlb(3, 7),
        unassign(3, 7),
      ],
      { pasid: 7, how: "PASID" },
    ],
    [
      "mapped meanwhile",
      [
        ...first,
        `dma_map_phys: ${nic} dir=FROM_DEVICE dma_addr=1000 size=4096 phys_addr=5000 attrs=`,
        unassign(3),
        context(3, sid),
        `dma_map_phys: ${nic} dir=FROM_DEVICE dma_addr=2000 size=4096 phys_addr=6000 attrs=`,
        iotlb(3),
        assign(4),
        attach(),
      ],
      { mapped: 2, maps: 1, unmaps: 0 },
    ],
  ] as const)("%s", (_, events, expected) => {
    const { changes, accused } = seen(events);
    expect(changes.at(-1)).toMatchObject(expected);
    expect(accused).toEqual([]);
  });

  test("the gap lies between what is taken away and what is there", () => {
    const { gap } = seen([...first, ...replaced]).change;
    expect(gap!.atLeast).toBeCloseTo(0.000_01, 9);
    expect(gap!.atMost).toBeCloseTo(0.000_04, 9);
  });
});

describe("caches that are told in another order are accused", () => {
  const rest = [assign(4), attach()];
  test.each([
    [
      "the entry is not forgotten",
      [...first, unassign(3), iotlb(3), ...rest],
      "no cache was told to forget its entry of domain 3",
    ],
    [
      "another domain's is",
      [...first, unassign(3), context(5, sid), iotlb(3), ...rest],
      "no cache was told to forget its entry of domain 3",
    ],
    [
      "another device's is",
      [...first, unassign(3), context(3, 0x20), iotlb(3), ...rest],
      "no cache was told to forget its entry of domain 3",
    ],
    [
      "another function's is, which the mask does not take",
      [...first, unassign(3), context(3, 0x1a, 1), iotlb(3), ...rest],
      "no cache was told to forget its entry of domain 3",
    ],
    [
      "the IOTLB is not told",
      [...first, unassign(3), context(3, sid), ...rest],
      "the IOTLB was not told to forget domain 3",
    ],
    [
      "it is told of another domain",
      [...first, unassign(3), context(3, sid), iotlb(5), ...rest],
      "the IOTLB was not told to forget domain 3",
    ],
    [
      "it is told of one page",
      [...first, unassign(3), context(3, sid), page(3), ...rest],
      "the IOTLB was not told to forget domain 3",
    ],
    [
      "it is told before",
      [...first, unassign(3), iotlb(3), context(3, sid), ...rest],
      "before the entry was forgotten",
    ],
    [
      "the device is not told",
      [...withAts, unassign(3), unassign(3, 0, nic), context(3, sid), iotlb(3), ...rest],
      "the device's own TLB was not told to forget",
    ],
    [
      "another device is",
      [...withAts, unassign(3), unassign(3, 0, nic), context(3, sid), iotlb(3), deviceTlb(0x20), ...rest],
      "the device's own TLB was not told to forget",
    ],
    [
      "the device is told before the IOTLB",
      [...withAts, unassign(3), unassign(3, 0, nic), context(3, sid), deviceTlb(sid), iotlb(3), ...rest],
      "the device's own TLB was told to forget before the IOTLB was",
    ],
  ] as const)("%s", (_, events, words) => {
    const { found, change, accused } = seen(events);
    expect(change).toMatchObject({ order: "broken", device: nic });
    expect(change.orderNote).toContain(words);
    expect(accused).toContain("domain-change-order");
    expect(ofChanges(found)[0]!.detail).toContain("descriptors are recorded before and after, and no event is lost");
    expect(found.domainChanges!.broken).toBe(1);
  });
});

describe("a change without others", () => {
  const alone = [submit("cc_inv", 0x11n), globalIotlb];
  const only = (events: readonly string[]) => audited(counted(drawn([...events, assign(4), attach()], alone)));

  test.each([
    ["no IOTLB is told", [...first, unassign(3), context(3, sid)], "the IOTLB was not told to forget domain 3"],
    [
      "one page of it is",
      [...first, unassign(3), context(3, sid), page(3)],
      "the IOTLB was not told to forget domain 3",
    ],
    [
      "another PASID is",
      [...first, unassign(3), pasidCache(3, 5), pasidIotlb(3, 0)],
      "no cache was told to forget its entry of domain 3",
    ],
    [
      "another device is",
      [...withAts, unassign(3), unassign(3, 0, nic), context(3, sid), iotlb(3), deviceTlb(0x20)],
      "the device's own TLB was not told to forget (asked for: context cache (domain 3), IOTLB (domain 3), device TLB of 00:04.0;",
    ],
  ] as const)("is accused, and no others are named: %s", (_, events, words) => {
    const found = only(events);
    expect(ofChanges(found).map(({ detail }) => detail)).toContainEqual(expect.stringContaining(words));
    expect(found.domainChanges!.changes.map(({ order }) => order)).toEqual(["broken"]);
  });

  test("a device that is gone is not told, and that accuses nobody", () => {
    const events = [...withAts, leave(), unassign(3), unassign(3, 0, nic), context(3, sid), iotlb(3)];
    const found = audited(counted(drawn(events, alone)));
    expect(ofChanges(found)).toEqual([]);
    expect(found.domainChanges!.changes[0]).toMatchObject({
      ...{ how: "release", order: "unknown", orderNote: "a device that is gone is not told to forget" },
    });
  });
});

test("mappings that had not ended are of the domain that was taken away, and translated", () => {
  const map = (dma: string, phys: string) =>
    `dma_map_phys: ${nic} dir=FROM_DEVICE dma_addr=${dma} size=4096 phys_addr=${phys} attrs=`;
  const events = [
    ...[...first, map("1000", "5000"), unassign(3), context(3, sid), iotlb(3), attach(), map("7000", "7000")],
    ...[context(1, sid), iotlb(1), assign(4), attach(), map("2000", "6000"), map("3000", "8000")],
    ...[unassign(4), context(4, sid), iotlb(4), assign(5), attach()],
  ];
  expect(seen(events).changes.map(({ mapped }) => mapped)).toEqual([1, 0, 2]);
});

describe("numbers that serve again", () => {
  const gone = [unassign(3), context(3, sid)];
  const again = [assign(3), attach()];
  const unforgotten = [...first, ...gone, ...again];
  const counts = (events: readonly string[]) => {
    const { found, accused } = seen(events);
    const { again: of } = found.domainChanges!;
    // Of the others, three are given their number again.
    return { accused, ...of, count: of.count - 3, covered: of.covered - 3 };
  };

  test.each([
    ["by domain", [...first, ...gone, iotlb(3), ...again]],
    ["all", [...first, ...gone, globalIotlb, ...again]],
    ["by PASID, right before", [assign(3, 7), pasidCache(3, 7), pasidIotlb(3, 7), unassign(3, 7), assign(3)]],
  ])("are forgotten in between, %s", (_, events) => {
    expect(counts(events)).toEqual({ accused: [], count: 1, covered: 1, broken: 0, unknown: [] });
  });

  test.each([
    ["nothing", unforgotten],
    ["another domain", [...first, ...gone, iotlb(4), ...again]],
    ["another PASID", [...first, ...gone, pasidIotlb(3, 8), ...again]],
    ["a page", [...first, ...gone, page(3), ...again]],
  ])("are not: %s is", (_, events) => {
    const { accused, count, broken } = counts(events);
    expect({ count, broken }).toEqual({ count: 1, broken: 1 });
    expect(accused).toContain("domain-number-again");
  });

  test("one of several devices goes: the number serves on", () => {
    const one = [tag("unassign", 3, 0, "dmar0", 2), context(3, sid), iotlb(3)];
    const shared = [
      ...first,
      tag("assign", 3, 0, "dmar0", 2),
      attach("0000:00:05.0"),
      ...one,
      tag("assign", 3, 0, "dmar0", 2),
      attach(),
    ];
    expect(counts(shared)).toMatchObject({ accused: [], count: 0 });
  });

  const doubted = (events: readonly string[], change: (text: string) => string = (t) => t) => {
    const found = audited(change(counted(drawn(events))));
    expect(ofChanges(found).filter(({ rule }) => rule === "domain-number-again")).toEqual([]);
    const { again: of, changes } = found.domainChanges!;
    return [...of.unknown.map(({ why }) => why), ...changes.map(({ orderNote }) => orderNote)];
  };

  test.each([
    [
      "events were lost",
      [...first, unassign(3), "CPU:0 [LOST 3 EVENTS]", context(3, sid), ...again],
      "events were lost meanwhile",
    ],
    ["two units number alike", [...first, assign(3), ...gone, ...again], "several units"],
    ["a device behind VMD", [...first, attach("10000:e1:00.0"), ...gone, ...again], "behind VMD"],
    ["no descriptor comes after", [...unforgotten], "no descriptor is recorded before or after"],
  ])("accuse nobody: %s", (what, events, why) => {
    const isLast = (l: string) => what.startsWith("no descriptor") && l.includes(" 0x2900f2 ");
    const last = (text: string) => counted(text.split("\n").filter((l) => !isLast(l)));
    expect(doubted(events, last).join()).toContain(why);
  });

  test("accuse nobody: descriptors are not recorded", () => {
    const without = (text: string) => counted(text.split("\n").filter((l) => !l.includes("qi_submit")));
    expect(doubted(unforgotten, without).join()).toContain("no descriptor of a unit's queue is recorded");
  });

  test("accuse nobody: lines were cut out", () => {
    const more = (text: string) => text.replace(/written: \d+\/\d+/, "written: 900/900");
    expect(doubted(unforgotten, more).join()).toContain("were filtered or cut out");
  });

  test("a change whose beginning may be lost is not out of order", () => {
    const unmap = "unmap: IOMMU: iova=0x0000000000001000 - 0x0000000000002000 size=4096 unmapped_size=4096";
    const { change, accused } = seen([...first, "CPU:0 [LOST 3 EVENTS]", unmap, unmap, assign(4), attach()]);
    expect([change.order, change.orderNote, accused]).toEqual(["unknown", "events were lost meanwhile", []]);
  });

  test("a domain is not said to have blocked where the events that took it away may be lost", () => {
    const kinds = (events: readonly string[]) => seen(events).changes.map(({ to }) => to.kind);
    const emptied = [...first, ...tornDown, attach()];
    expect(kinds([...emptied, assign(4), attach()])).toEqual(["blocked", "translated"]);
    expect(kinds([...emptied, "CPU:0 [LOST 3 EVENTS]", assign(4), attach()])).toEqual(["untagged", "translated"]);
    expect(kinds([...emptied, context(1, sid), iotlb(1), assign(4), attach()])).toEqual(["identity", "translated"]);
  });
});
