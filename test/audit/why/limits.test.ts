/** How much is kept and shown: findings, functions that were silenced, letters of lines and settings; what counts as known. */
import { expect, test } from "vitest";
import { explainLog, explainSetting, nothingKnown } from "../../../src/audit/index.js";
import { machineOf } from "../../../src/audit/why/context.js";
import { checkSetting } from "../../../src/audit/why/pool/setting.js";
import { MachineFacts } from "../../../src/read/kernel_log/machine_facts.js";

/** Words that differ in letters: numbers would be passed over. */
const word = (n: number) => [...n.toString(8)].map((digit) => "pqrstuvw"[Number(digit)]).join("");
const unknown = (n: number) => `DMAR: gadget ${word(n)} failed`;

test.each([
  [500, ""],
  [501, ". 1 further line of other kinds is not listed"],
  [503, ". 3 further lines of other kinds are not listed"],
])("%i findings: 500 are kept, the others counted", (count, more) => {
  const findings = explainLog(Array.from({ length: count }, (_, n) => unknown(n)));
  expect(findings.length).toBe(Math.min(500, count));
  expect(findings.at(-1)!.evidence).toBe(`the words "failed" beside "DMAR"${more}`);
  expect(findings.at(-2)!.evidence).toBe('the words "failed" beside "DMAR"');
});

test("a kind that is known is counted after the last that is kept", () => {
  const lines = Array.from({ length: 501 }, (_, n) => unknown(n));
  const findings = explainLog([...lines, unknown(0), unknown(499), unknown(500)]);
  expect([findings[0]!.count, findings[499]!.count]).toEqual([2, 2]);
  expect(findings[499]!.evidence).toMatch(/2 further lines of other kinds are not listed$/);
});

test("of a hundred functions it is told how much they were silenced", () => {
  const silenced = (n: number) => `swiotlb_${word(n)}: ${n + 2} callbacks suppressed`;
  const causes = (count: number) => {
    const lines = Array.from({ length: count }, (_, n) => silenced(n));
    return explainLog([...lines, silenced(3), silenced(count - 1)]).map((f) => f.cause);
  };
  expect([causes(99).length, causes(100).length, causes(101).length]).toEqual([99, 100, 100]);
  const said = (n: number, name: string) =>
    `The kernel left out ${n} lines of swiotlb_${name}: it wrote too many in a short time.`;
  expect([causes(101)[3], causes(101)[99]]).toEqual([said(10, word(3)), said(101, word(99))]);
});

test("of a log whose lines were silenced and that has others, only the former are told by the words of the latter", () => {
  expect(explainLog(["net_ratelimit: 5 callbacks suppressed", "xx_swiotlb: 1234567890 callbacks suppressed"])).toEqual(
    [],
  );
});

test("letters that are kept of a line, of a setting and of what stands beside it", () => {
  const line = `DMAR: ${"x".repeat(9000)} failed`;
  const [long] = explainLog([`DMAR: failed ${"x".repeat(9000)}`]);
  expect(long!.line.length).toBe(4096);
  expect(explainLog([line])).toEqual([]);
  const [setting] = explainSetting(`  swiotlb=1,2,${"z".repeat(9000)}  `);
  expect(setting!.line.length).toBe(4096);
  const unread = explainSetting(`65536,${"z".repeat(90)}`).find((f) => f.kind === "setting-unknown");
  expect(unread!.evidence).toContain(`"${"z".repeat(80)}"`);
  const [other] = explainSetting(`  quiet ${"z".repeat(90)} a=b`);
  expect([other!.kind, other!.evidence]).toEqual(["setting-other", `"quiet ${"z".repeat(74)}"`]);
});

test("a pool beyond what addresses hold is refused, and none below", () => {
  const most = 2 ** 52 / 2048;
  for (const fine of ["", "force", "65536", String(most), `swiotlb=${most},force`, "quiet"]) checkSetting(fine);
  for (const beyond of [String(most + 1), `  swiotlb=${most + 1}  `, `a=b swiotlb=${most * 2},force`]) {
    expect(() => checkSetting(beyond)).toThrow(
      "a pool of more than 4096 TiB (slots are 2 KiB); no machine has that much memory",
    );
  }
});

test("what is known of a machine by nobody, by its log, and by who asks", () => {
  expect(nothingKnown).toEqual({
    ...{ kernel: null, architecture: null, poolSlots: null, areas: null, poolStart: null, poolEnd: null },
    ...{ poolGivenBack: false, memoryBytes: null, encrypted: false, cpus: null, setting: null, xen: false },
    ...{ iommus: [], reserved: [], vfio: new Set() },
  });
  const facts = new MachineFacts();
  expect(machineOf(facts, {})).toEqual(nothingKnown);
  for (const line of [
    "Linux version 6.8.0-31-generic (buildd@host) #31 SMP x86_64",
    "Command line: quiet swiotlb=65536",
    "BIOS-e820: [mem 0x000000007cd00000-0x000000007cdfffff] reserved",
    "Booting paravirtualized kernel on Xen",
    "smpboot: Allowing 16 CPUs, 0 hotplug CPUs",
    "software IO TLB: area num 16.",
    "software IO TLB: mapped [mem 0x00000000b0000000-0x00000000b0100000] (1MB)",
    "DMAR: IOMMU enabled",
    "vfio-pci 0000:03:00.0: vfio_pci: add [8086:1528[ffffffff:ffffffff]]",
  ]) {
    facts.readMachine(line);
  }
  const told = machineOf(facts, {});
  expect(told).toMatchSnapshot();
  const nothing = { ...nothingKnown, vfio: told.vfio };
  expect(machineOf(facts, nothing)).toEqual(told);
  const given = { kernel: "5.4.0", xen: true, iommus: ["amdvi"] as const, encrypted: true, poolStart: 0, cpus: 3 };
  expect(machineOf(facts, given)).toEqual({ ...told, ...given });
});
