/**
 * QEMU's units and ours, live, in random programs of map, unmap, invalidate and DMA.
 *
 * DMALAB_QEMU_STEPS steps of each machine (300 unless set).
 */
import { describe, expect, test } from "vitest";
import { startVirt, startX86, switchesOn } from "./machines.js";
import { AmdviProgram } from "./program/amdvi_program.js";
import { amdviKnown, type KnownProgramFaults, smmuKnown, vtdKnown } from "./program/known.js";
import { Program } from "./program/program.js";
import type { ProgramUnit } from "./program/program_unit.js";
import { SmmuProgram } from "./program/smmuv3_program.js";
import type { Twin } from "./program/twin.js";
import type { ProgramVerdict } from "./program/verdict.js";
import { VtdProgram } from "./program/vtd_program.js";
import { findQemu } from "./qtest.js";

const steps = Number(process.env["DMALAB_QEMU_STEPS"] ?? 300);

interface Row {
  readonly what: string;
  readonly arch: "x86_64" | "aarch64";
  readonly known: KnownProgramFaults;
  start(qemu: string): Promise<ProgramUnit & { readonly twin: Twin }>;
}

const rows: readonly Row[] = [
  {
    what: "VT-d legacy",
    arch: "x86_64",
    known: vtdKnown,
    start: async (qemu) => VtdProgram.of(await startX86(qemu, "intel-iommu,intremap=off,aw-bits=48"), false),
  },
  {
    what: "VT-d scalable",
    arch: "x86_64",
    known: vtdKnown,
    async start(qemu) {
      const switches = switchesOn(qemu, "intel-iommu", ["x-scalable-mode", "scalable-mode"]);
      return VtdProgram.of(await startX86(qemu, `intel-iommu,intremap=off,aw-bits=48${switches}`), true);
    },
  },
  {
    what: "SMMUv3",
    arch: "aarch64",
    known: smmuKnown,
    start: async (qemu) => SmmuProgram.of(await startVirt(qemu, "iommu=smmuv3")),
  },
  {
    what: "AMD-Vi",
    arch: "x86_64",
    known: amdviKnown,
    // Device ids behind bridges are wrong in QEMU.
    start: async (qemu) =>
      AmdviProgram.of(await startX86(qemu, `amd-iommu,intremap=off${switchesOn(qemu, "amd-iommu", ["dma-remap"])}`, 8)),
  },
];

for (const { what, arch, known, start } of rows) {
  const qemu = findQemu(arch);
  describe.skipIf(qemu === null)(`${what}${qemu === null ? `: no qemu-system-${arch} here` : ""}`, () => {
    test("QEMU does in every step of a program what our unit may do", async () => {
      const unit = await start(qemu!.path);
      const { twin } = unit;
      try {
        const verdict = await new Program({
          unit,
          twin,
          seed: 7 + rows.findIndex((row) => row.what === what),
          known,
        }).run(steps);
        console.log(summary(what, qemu!.version, verdict));
        expect(verdict.wrong).toEqual([]);
      } finally {
        await twin.machine.qtest.end();
      }
    }, 600_000);
  });
}

function summary(what: string, version: string, v: ProgramVerdict): string {
  const known = [...v.known].map(([name, n]) => `${n} ${name}`).join("; ");
  const kinds = Object.entries(v.kinds).map(([kind, n]) => `${n} ${kind}`);
  const stale = `${v.stale} by a stale entry in ours, of which QEMU had dropped it in ${v.flushed}`;
  return `${what}, QEMU ${version}: ${v.steps} steps (${kinds.join(", ")}), ${v.reached} accesses reach memory, ${v.refused} are refused, ${stale}; known: ${known || "none"}`;
}
