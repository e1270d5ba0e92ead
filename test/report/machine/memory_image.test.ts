/** A described machine as a memory image: what `inspect` reads of it is what its drivers had mapped. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { unitsFromRegisters } from "../../../src/audit/inspect/registers/units_from_registers.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { requesterOf } from "../../../src/bus/dma_port.js";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { outcomeOf } from "../../../src/lab/machine/outcome.js";
import { type MachineSeen, runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { Memory } from "../../../src/mem/memory.js";
import { memorySource, openImage } from "../../../src/read/index.js";
import { memoryCore, registersText } from "../../../src/report/machine/memory_image.js";
import { amount, long } from "../../tier.js";

const preset = readFileSync("machines/vtd-strict.yaml", "utf8").replaceAll(/requests: \d+/g, "requests: 20");
const archOf = { vtd: "x86", "vtd-scalable": "x86", amdvi: "x86", smmuv3: "arm" } as const;

/** The machine while it stands still, and its two files. */
function seenAt(after: number | null, change: (text: string) => string) {
  let seen: MachineSeen | null = null;
  let files: { core: Uint8Array; registers: string } | null = null;
  let led: string[] = [];
  const take = (s: MachineSeen) => {
    seen = s;
    led = s.mapped!.flatMap((m) => ledTo(m, s.behind));
    const { kind, base, words } = s.registers;
    files = { core: Buffer.concat([...memoryCore(s.memory, s.arch)]), registers: registersText(kind, base, words) };
  };
  const run = runMachine(describeMachine("m.yaml", change(preset)), { snapshot: { after, take } });
  return { seen: seen! as MachineSeen, files: files!, led, outcome: outcomeOf(run) };
}

/** Pages of a mapping, and where the machine leads each now. */
function ledTo(m: { device: string; bus: number; size: number }, behind: MachineSeen["behind"]): string[] {
  const first = m.bus - (m.bus % 4096);
  const count = Math.ceil((m.bus - first + m.size) / 4096);
  return Array.from({ length: count }, (_, n) => first + n * 4096).flatMap((bus) =>
    pages({ bus, phys: behind(m.device, bus), size: 4096 }, requesterOf(m.device)!),
  );
}

async function inspectionOf({ core, registers }: { core: Uint8Array; registers: string }) {
  const image = await openImage(memorySource("m.elf", core));
  const { units, notes } = unitsFromRegisters("m.registers.json", registers);
  return inspectImage({ file: "m.elf", image, units, registerNotes: notes, notes: [] });
}

const pages = (o: { bus: number; phys: number; size: number }, requester: number) =>
  Array.from({ length: Math.ceil(((o.bus % 4096) + o.size) / 4096) }, (_, n) => {
    const at = (a: number) => Math.floor(a / 4096) + n;
    return `${requester} ${at(o.bus).toString(16)} ${at(o.phys).toString(16)}`;
  });

const uses = (["vtd", "vtd-scalable", "amdvi", "smmuv3"] as const).flatMap((kind) =>
  (["strict", "lazy"] as const).map((policy) => [kind, policy] as const),
);
/** One of each policy suffices for each kind where time is short. */
const isEnough = (kind: string, policy: string) => (policy === "lazy") === (kind === "amdvi");

test.each(uses.filter((use) => long || isEnough(...use)))(
  "%s, %s: every page that a driver has mapped, and no other",
  async (kind, policy) => {
    const { seen, files } = seenAt(400, (text) =>
      `arch: ${archOf[kind]}\n${text}`.replace("kind: vtd", `kind: ${kind}`).replace("strict", policy),
    );
    expect([seen.steps, seen.mapped!.length > 20]).toEqual([400, true]);
    const { inspection } = await inspectionOf(files);
    const found = inspection.devices.flatMap(({ requester, ranges }) =>
      Array.from({ length: ranges?.count ?? 0 }, (_, row) =>
        pages({ bus: ranges!.iova[row]!, phys: ranges!.paddr[row]!, size: ranges!.bytes[row]! }, requester),
      ).flat(),
    );
    const mapped = seen.mapped!.flatMap((m) => pages(m, requesterOf(m.device)!));
    expect(new Set(found)).toEqual(new Set(mapped));
  },
);

/** Guests' units, by what their hosts do, and the stages that an image then shows. */
const guests = [
  ["vtd-scalable", "nested", "nested"],
  ["amdvi", "nested", "nested"],
  ["smmuv3", "nested", "nested"],
  ["vtd", "shadow", "second"],
] as const;

test.each(guests.filter((_, n) => long || n === 1))(
  "%s of a guest, %s: each page that the guest's driver has mapped is where the host has it, and no other is reached",
  async (kind, how, stage) => {
    const { led, files } = seenAt(400, (text) =>
      `arch: ${archOf[kind]}\n${text}`
        .replace("kind: vtd,", `kind: ${kind}, stage: ${how},`)
        .replace("memory: 2GiB", "memory: 32MiB"),
    );
    const { inspection } = await inspectionOf(files);
    const translated = inspection.devices.filter((d) => d.state === "translated");
    expect(translated.map((d) => d.stage)).toEqual(Array(3).fill(stage));
    const found = translated.flatMap(({ requester, ranges }) =>
      Array.from({ length: ranges!.count }, (_, row) =>
        pages({ bus: ranges!.iova[row]!, phys: ranges!.paddr[row]!, size: ranges!.bytes[row]! }, requester),
      ).flat(),
    );
    expect(led.length).toBeGreaterThan(20);
    expect(new Set(found)).toEqual(new Set(led));
  },
);

test.each(long ? ["vtd", "vtd-scalable", "amdvi"] : ["vtd"])(
  "%s: nothing lies where a PC has its graphics and ROMs",
  async (kind) => {
    const { seen, files } = seenAt(400, (text) => text.replace("kind: vtd", `kind: ${kind}`));
    expect(seen.mapped!.some((m) => m.phys >= 0x10_0000)).toBe(true);
    const { inspection } = await inspectionOf(files);
    expect(inspection.findings.filter((f) => f.rule === "not-memory")).toEqual([]);
  },
);

test("a run is the same with a look at it and without, wherever it is", () => {
  const few = (text: string) => text.replaceAll("requests: 20", `requests: ${amount(5, 20)}`);
  const plain = outcomeOf(runMachine(describeMachine("m.yaml", few(preset))));
  for (const after of long ? [0, 513, null] : [100]) expect(seenAt(after, few).outcome).toEqual(plain);
});

test("all of memory is in the core, and it is as long as what was written", async () => {
  const memory = new Memory(2 ** 24);
  for (const at of [0, 0x1234_5678, 0x1234_5678 + 0x11000, 2 ** 36 - 8]) memory.store32(at, at % 251);
  const core = Buffer.concat([...memoryCore(memory, "x86")]);
  expect(core.length).toBeLessThan(6 * 2 ** 20);
  const image = await openImage(memorySource("m.elf", core));
  expect(image.runs.reduce((sum, r) => sum + r.frameCount, 0)).toBe(2 ** 24);
  for (const at of [0, 0x1234_5678, 0x1234_5678 + 0x11000, 2 ** 36 - 8, 0x7000_0000])
    expect(image.frame(Math.floor(at / 4096) as never)![(at % 4096) / 4]).toBe(memory.load32(at));
});

test("no IOMMU, no image: it is said where the description lacks it", () => {
  const snapshot = { after: null, take: () => undefined };
  const bare = describeMachine("m.yaml", preset.replace(/^iommu.*$/m, "").replace(", ats: true", ""));
  expect(() => runMachine(bare, { snapshot })).toThrow("an IOMMU, whose tables");
});

test("what the unit refused is refused by the walk of the image, and why", async () => {
  const legacy = 'program: legacy-dma, device: "0000:00:04.0"';
  const { files, outcome } = seenAt(null, (t) => t.replace('program: disk, device: "0000:00:04.0"', legacy));
  const [refused] = outcome.iommu!.refused;
  const inspected = await inspectionOf(files);
  const asked = { segment: null, requester: 0x20, pasid: null, iova: BigInt(refused!.first[0]!), path: null };
  expect(walkAnswer(inspected, asked).end).toMatchObject({ fault: { code: refused!.code } });
});

test("under Xen: what the devices of a domain reach is the domain's memory and what it was granted, and nothing else", async () => {
  const text = readFileSync("machines/vp-iommu.yaml", "utf8")
    .replaceAll("memory: 128MiB", "memory: 4MiB")
    .replaceAll(/requests: \d+/g, "requests: 4")
    .replace("memory: 512MiB\n", "");
  const led = new Map<number, number>();
  let files: { core: Uint8Array; registers: string } | null = null;
  const take = ({ behind, memory, arch, registers: { kind, base, words } }: MachineSeen) => {
    // Pages of others stand in the section above its own.
    for (let page = 0; page < 2 ** 17; page++) {
      const at = behind("0000:00:03.0", page * 4096);
      if (at >= 0) led.set(page, at);
    }
    files = { core: Buffer.concat([...memoryCore(memory, arch)]), registers: registersText(kind, base, words) };
  };
  runMachine(describeMachine("m.yaml", text), { snapshot: { after: 200, take } });
  const { inspection } = await inspectionOf(files!);
  expect(inspection.devices.map((d) => d.requester)).toEqual([0x18, 0x28]);
  // 4 MiB of its own, and pages of the domain that it serves.
  expect(led.size).toBeGreaterThan(1024);
  for (const { ranges } of inspection.devices) {
    const found = new Map<number, number>();
    for (let row = 0; row < ranges!.count; row++)
      for (let at = 0; at < ranges!.bytes[row]!; at += 4096)
        found.set((ranges!.iova[row]! + at) / 4096, ranges!.paddr[row]! + at);
    expect(found).toEqual(led);
  }
});
