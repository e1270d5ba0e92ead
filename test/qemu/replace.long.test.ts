/**
 * Entries replaced under running DMA on QEMU's units and on ours: see docs/decisions/0007-qemu-as-a-judge.md.
 *
 * DMALAB_QEMU_REPLACEMENTS of each structure (40 unless set), as far as DMALAB_QEMU_SECONDS, of which each has a fifth, allow.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasSwitch, startVirt, startX86, switchesOn } from "./machines.js";
import { findQemu } from "./qtest.js";
import type { ReplaceVerdict } from "./replace/replace_verdict.js";
import type { ReplacedUnit } from "./replace/replaced_unit.js";
import { replaceUnderDma } from "./replace/replacing.js";
import type { Edit } from "./replace/script.js";
import { smmuReplaced } from "./replace/smmuv3_replaced.js";
import { vtdReplaced } from "./replace/vtd_replaced.js";

const count = Number(process.env["DMALAB_QEMU_REPLACEMENTS"] ?? 40);
const seconds = process.env["DMALAB_QEMU_SECONDS"];
const bits = 48;

interface Row {
  readonly what: string;
  readonly arch: "x86_64" | "aarch64";
  /** What this QEMU keeps until it is told to forget it: the entry, or only what was translated by it. */
  readonly keeps: "sync" | "flush";
  start(qemu: string): Promise<ReplacedUnit>;
}

const vtd = (mode: "legacy" | "scalable"): Pick<Row, "arch" | "start"> => ({
  arch: "x86_64",
  async start(qemu) {
    const names = mode === "legacy" ? [] : ["x-scalable-mode", "scalable-mode", "x-flts", "fsts"];
    const switches = switchesOn(qemu, "intel-iommu", names);
    return vtdReplaced(await startX86(qemu, `intel-iommu,intremap=off,aw-bits=${bits}${switches}`), mode, bits);
  },
});

const smmu = (which: "stream" | "context"): Pick<Row, "arch" | "start"> => ({
  arch: "aarch64",
  async start(qemu) {
    // Where the unit has a choice, it has both stages.
    const more = hasSwitch(qemu, "arm-smmuv3", "stage") ? ["-global", "arm-smmuv3.stage=nested"] : [];
    return smmuReplaced(await startVirt(qemu, "iommu=smmuv3", more), which);
  },
});

const rows: readonly Row[] = [
  { what: "VT-d, context entries", ...vtd("legacy"), keeps: "sync" },
  { what: "VT-d, PASID entries", ...vtd("scalable"), keeps: "flush" },
  { what: "SMMUv3, stream table entries", ...smmu("stream"), keeps: "sync" },
  { what: "SMMUv3, context descriptors", ...smmu("context"), keeps: "sync" },
];

describe.each(rows)("$what", ({ what, arch, keeps, start }) => {
  const qemu = findQemu(arch);
  const seed = 11 + rows.findIndex((row) => row.what === what);
  describe.skipIf(qemu === null)(qemu === null ? `no qemu-system-${arch} here` : `QEMU ${qemu.version}`, () => {
    let replaced: ReplacedUnit;
    beforeAll(async () => {
      replaced = await start(qemu!.path);
    }, 60_000);
    afterAll(() => replaced?.unit.twin.machine.qtest.end());

    test("a device meets the old entry, the new one, or what the search allows, in QEMU as in ours", async () => {
      const patienceMs = seconds === undefined ? undefined : (Number(seconds) * 1000) / (rows.length + 1);
      const verdict = await replaceUnderDma({ replaced, seed, count, ...(patienceMs !== undefined && { patienceMs }) });
      console.log(`${what}, QEMU ${qemu!.version}: ${summary(verdict)}`);
      expect(verdict.wrong).toEqual([]);
      const { during } = verdict.ends;
      expect(during.old * during.new * during.both * during.refused).toBeGreaterThan(0);
    }, 600_000);

    const broken: readonly (readonly [string, Edit])[] = [
      ["left out: what has it forgotten", (steps) => steps.filter((s) => s.kind !== keeps)],
      ["turned: the order of the steps", (steps) => steps.toReversed()],
    ];
    test.each(broken)("%s, is noticed", async (_, edit) => {
      const verdict = await replaceUnderDma({ replaced, seed, count: 100, wrongMax: 1, edit });
      expect(verdict.wrong).not.toEqual([]);
    });
  });
});

function summary(v: ReplaceVerdict): string {
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, n]) => `${name} ${n}`)
      .join(", ");
  const known = [...v.known].map(([name, n]) => `${n} ${name}`).join("; ");
  const ends = Object.entries(v.ends).map(([phase, of]) => `${phase}: ${counts(of)}`);
  return `${v.replacements} replacements, ${v.accesses} accesses (${ends.join("; ")}), ${v.stale} by a stale entry in ours; known: ${known || "none"}`;
}
