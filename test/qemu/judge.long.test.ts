/**
 * The library against QEMU's own translation, live: random tables, the edu device's DMA, data and fault records.
 *
 * As many accesses as some seconds allow: DMALAB_QEMU_SECONDS for each machine (2 unless set) and at most
 * DMALAB_QEMU_TRANSLATIONS (100,000). DMALAB_QEMU_RECORD=1 renews the recordings in fixtures/qemu.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { UnitKind } from "../../src/table/device/index.js";
import { Amdvi } from "./amdvi_driver.js";
import { judge, type Verdict } from "./judge.js";
import { knownFaults } from "./known_faults.js";
import { hasSwitch, startVirt, startX86, switchesOn, type UnderTest } from "./machines.js";
import { findQemu } from "./qtest.js";
import { packed, type World, worldOf } from "./recording.js";
import { Smmuv3, type Stages } from "./smmuv3_driver.js";
import type { UnitDriver } from "./unit_driver.js";
import { VtdDriver } from "./vtd_driver.js";
import { legacyWorld } from "./vtd_legacy.js";
import { scalableWorld } from "./vtd_scalable.js";

const seconds = Number(process.env["DMALAB_QEMU_SECONDS"] ?? 2);
const translations = Number(process.env["DMALAB_QEMU_TRANSLATIONS"] ?? 100_000);
const recording = process.env["DMALAB_QEMU_RECORD"] === "1";
/** One world of each machine is kept, so that all files together stay below 300 KB. */
const keptWorlds = recording ? 1 : 0;

interface Row {
  readonly what: string;
  readonly file: string;
  readonly arch: "x86_64" | "aarch64";
  readonly kind: UnitKind;
  /** Codes that a run of some seconds meets. */
  readonly meets: readonly (number | null)[];
  /** Why this QEMU cannot judge it; null when it can. */
  lacks?(qemu: string): string | null;
  start(qemu: string): Promise<{ machine: UnderTest; driver: UnitDriver }>;
}

const vtd = (bits: number): Pick<Row, "arch" | "kind" | "start"> => ({
  arch: "x86_64",
  kind: "vtd",
  async start(qemu) {
    const machine = await startX86(qemu, `intel-iommu,intremap=off,aw-bits=${bits}`);
    return { machine, driver: await VtdDriver.of(machine.qtest, bits, legacyWorld) };
  },
});

/** Scalable mode, with as much of it as this QEMU has: names of its switches differ between versions. */
async function startScalable(qemu: string): Promise<{ machine: UnderTest; driver: UnitDriver }> {
  const switches = switchesOn(qemu, "intel-iommu", ["x-scalable-mode", "scalable-mode", "x-flts", "fsts"]);
  const machine = await startX86(qemu, `intel-iommu,intremap=off,aw-bits=48${switches}`);
  return { machine, driver: await VtdDriver.of(machine.qtest, 48, scalableWorld) };
}

const smmu = (form: "linear" | "two-level", stages: Stages = "first"): Pick<Row, "arch" | "kind" | "start"> => ({
  arch: "aarch64",
  kind: "smmuv3",
  async start(qemu) {
    // Where the unit has a choice, it has both stages.
    const more = stages === "both" ? ["-global", "arm-smmuv3.stage=nested"] : [];
    const machine = await startVirt(qemu, "iommu=smmuv3", more);
    return { machine, driver: await Smmuv3.of(machine.qtest, machine.ramBase, form, stages) };
  },
});

const rows: readonly Row[] = [
  { what: "VT-d with 48 bits", file: "vtd-48", ...vtd(48), meets: [2, 3, 4, 5, 6, 7, 0xb, 0xc] },
  { what: "VT-d with 39 bits", file: "vtd-39", ...vtd(39), meets: [2, 3, 4, 5, 6, 0xb] },
  {
    what: "VT-d scalable",
    file: "vtd-scalable",
    arch: "x86_64",
    kind: "vtd",
    meets: [0x41, 0x50, 0x51, 0x59, 0x5b],
    start: startScalable,
  },
  { what: "SMMUv3, linear", file: "smmuv3-linear", ...smmu("linear"), meets: [null, 2, 0xa, 0xb, 0x10, 0x13] },
  { what: "SMMUv3, two-level", file: "smmuv3-two-level", ...smmu("two-level"), meets: [null, 2, 0xb, 0x10, 0x13] },
  {
    what: "SMMUv3, both stages",
    file: "smmuv3-both-stages",
    ...smmu("linear", "both"),
    meets: [2, 0x10, 0x13],
    lacks: (qemu) => (hasSwitch(qemu, "arm-smmuv3", "stage") ? null : "its unit has no second stage"),
  },
  {
    what: "AMD-Vi",
    file: "amdvi",
    arch: "x86_64",
    kind: "amdvi",
    meets: [2, 4],
    async start(qemu) {
      // Device ids behind bridges are wrong in QEMU, so that all devices are on bus 0.
      const switches = switchesOn(qemu, "amd-iommu", ["dma-remap"]);
      const machine = await startX86(qemu, `amd-iommu,intremap=off${switches}`, 8);
      const requesters = machine.edus.map((e) => e.requester);
      return { machine, driver: await Amdvi.of(machine.qtest, requesters) };
    },
  },
];

for (const row of rows) {
  const qemu = findQemu(row.arch);
  const missing = qemu === null ? `no qemu-system-${row.arch} here` : (row.lacks?.(qemu.path) ?? null);
  describe.skipIf(missing !== null)(`${row.what}${missing === null ? "" : `: ${missing}`}`, () => {
    test("QEMU and the library agree on every access but for QEMU's known faults", async () => {
      const { machine, driver } = await row.start(qemu!.path);
      try {
        const worlds: World[] = [];
        const verdict = await judge({
          ...{ machine, driver, seed: 20, translations, patienceMs: seconds * 1000, known: knownFaults[row.kind] },
          watch: (memory, unit, probes) => {
            if (worlds.length < keptWorlds) worlds.push(worldOf(memory, unit, probes));
          },
        });
        console.log(summary(row, qemu!.version, verdict));
        expect(verdict.wrong).toEqual([]);
        expect(verdict.wrongCount).toBe(0);
        // One world, which is all that a short run may see, can be a poor one.
        expect(verdict.reached).toBeGreaterThan(seconds >= 10 ? verdict.compared / 10 : 0);
        if (seconds >= 10) expect([...verdict.codes.keys()]).toEqual(expect.arrayContaining([...row.meets]));
        if (worlds.length > 0) {
          const { codes, recordsFaults, addressLg2 } = driver;
          const rules = { codes, recordsFaults, addressLg2 };
          const { ramBase } = machine;
          mkdirSync("fixtures/qemu", { recursive: true });
          const bytes = packed({ qemu: qemu!.version, name: driver.name, rules, ramBase, worlds });
          writeFileSync(`fixtures/qemu/${row.file}.json.gz`, bytes);
        }
      } finally {
        await machine.qtest.end();
      }
    }, 600_000);
  });
}

function summary({ what }: Row, version: string, v: Verdict): string {
  const known = [...v.known].map(([name, n]) => `${n} ${name}`).join("; ");
  return `${what}, QEMU ${version}: ${v.compared} accesses, ${v.reached} reach memory; known: ${known || "none"}`;
}
