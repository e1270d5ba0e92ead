/**
 * Entries replaced under running DMA on QEMU's units and on ours.
 *
 * DMALAB_QEMU_REPLACEMENTS of each structure (60 unless set).
 */
import { describe, expect, test } from "vitest";
import { hasSwitch, startVirt, startX86, switchesOn } from "./machines.js";
import { findQemu } from "./qtest.js";
import type { ReplaceVerdict } from "./replace/replace_verdict.js";
import type { ReplacedUnit } from "./replace/replaced_unit.js";
import { replaceUnderDma } from "./replace/replacing.js";
import { smmuReplaced } from "./replace/smmuv3_replaced.js";
import { vtdReplaced } from "./replace/vtd_replaced.js";

const count = Number(process.env["DMALAB_QEMU_REPLACEMENTS"] ?? 60);
const bits = 48;

interface Row {
  readonly what: string;
  readonly arch: "x86_64" | "aarch64";
  start(qemu: string): Promise<ReplacedUnit>;
}

const rows: readonly Row[] = [
  {
    what: "VT-d, context entries",
    arch: "x86_64",
    start: async (qemu) =>
      vtdReplaced(await startX86(qemu, `intel-iommu,intremap=off,aw-bits=${bits}`), "legacy", bits),
  },
  {
    what: "VT-d, PASID entries",
    arch: "x86_64",
    async start(qemu) {
      const switches = switchesOn(qemu, "intel-iommu", ["x-scalable-mode", "scalable-mode", "x-flts", "fsts"]);
      return vtdReplaced(await startX86(qemu, `intel-iommu,intremap=off,aw-bits=${bits}${switches}`), "scalable", bits);
    },
  },
  ...(["stream", "context"] as const).map(
    (which): Row => ({
      what: which === "stream" ? "SMMUv3, stream table entries" : "SMMUv3, context descriptors",
      arch: "aarch64",
      async start(qemu) {
        // Where the unit has a choice, it has both stages.
        const more = hasSwitch(qemu, "arm-smmuv3", "stage") ? ["-global", "arm-smmuv3.stage=nested"] : [];
        return smmuReplaced(await startVirt(qemu, "iommu=smmuv3", more), which);
      },
    }),
  ),
];

for (const { what, arch, start } of rows) {
  const qemu = findQemu(arch);
  describe.skipIf(qemu === null)(`${what}${qemu === null ? `: no qemu-system-${arch} here` : ""}`, () => {
    test("what a device meets is the old entry, the new one, or what the search allows, in QEMU as in ours", async () => {
      const replaced = await start(qemu!.path);
      const { qtest } = replaced.unit.twin.machine;
      try {
        const verdict = await replaceUnderDma({ replaced, seed: 11 + rows.findIndex((r) => r.what === what), count });
        console.log(summary(what, qemu!.version, verdict));
        expect(verdict.wrong).toEqual([]);
      } finally {
        await qtest.end();
      }
    }, 600_000);
  });
}

function summary(what: string, version: string, v: ReplaceVerdict): string {
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, n]) => `${name} ${n}`)
      .join(", ");
  const known = [...v.known].map(([name, n]) => `${n} ${name}`).join("; ");
  return `${what}, QEMU ${version}: ${v.replacements} replacements, ${v.accesses} accesses (before: ${counts(v.ends.before)}; between steps: ${counts(v.ends.during)}; after: ${counts(v.ends.after)}); ${v.stale} by a stale entry in ours; known: ${known || "none"}`;
}
