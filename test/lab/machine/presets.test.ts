/** Every preset runs to its end: right bytes, kept rules, nothing left over; and shows what it is for. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { amount, long } from "../../tier.js";

const presets = readdirSync("machines").filter((f) => readFileSync(`machines/${f}`, "utf8").includes("workload:"));

/** Causes that each device of a preset must show, one line a device. */
const shown: Readonly<Record<string, readonly string[]>> = {
  "amdvi-nested.yaml": ["iommu", "iommu", "iommu"],
  "amdvi.yaml": ["iommu", "iommu", "iommu"],
  "bare-metal.yaml": ["direct", "mask", "direct"],
  "ia64-vp.yaml": ["foreign split translated", "foreign translated"],
  "sev-guest.yaml": ["forced", "forced"],
  "smmuv3-nested.yaml": ["iommu", "iommu", "iommu"],
  "smmuv3.yaml": ["iommu", "iommu", "iommu"],
  // In a short run the disk is in identity all the time.
  "viommu-switch.yaml": [long ? "direct iommu" : "direct", "iommu"],
  "vtd-lazy.yaml": ["iommu", "iommu", "iommu"],
  "vtd-nested.yaml": ["iommu", "iommu", "iommu"],
  "vtd-scalable.yaml": ["iommu", "iommu", "iommu"],
  "vtd-strict.yaml": ["iommu", "iommu", "iommu"],
  "vp-iommu.yaml": ["foreign iommu", "foreign iommu"],
  "xen-arm-dom0.yaml": ["direct foreign translated", "direct foreign translated"],
  "xen-hvm-passthrough.yaml": ["iommu"],
  "xen-pv-dom0.yaml": ["foreign straddle translated", "foreign mask translated", "foreign translated"],
  "xen-pvh.yaml": ["foreign iommu", "foreign iommu"],
};

test.each(presets)(
  "%s",
  (file) => {
    const described = describeMachine(file, readFileSync(`machines/${file}`, "utf8"));
    // An IOMMU walks its tables for each page: a quarter says as much.
    const most = described.machine.iommu === undefined ? 5_000 : 1_200;
    const each = amount(40, most) / described.machine.workload.length;
    for (const w of described.machine.workload) w.requests = Math.ceil(each);
    const run = runMachine(described, { checks: !long });
    expect(run.ran.idle).toBe(true);
    for (const p of run.programs) {
      expect(p.requests()).toEqual({ issued: p.description.requests, ended: p.description.requests, failed: 0 });
      expect(p.wrong(true)).toEqual([]);
      expect(p.refusals()).toEqual([]);
    }
    expect(
      outcomeOf(run).devices.map((d) =>
        [...d.causes.map((c) => c.cause), ...(d.split > 0 ? ["split"] : []), ...(d.foreign > 0 ? ["foreign"] : [])]
          .sort()
          .join(" "),
      ),
    ).toEqual(shown[file]);
    expect(run.left).toEqual([]);
    expect(run.host.xen?.gate.violations ?? []).toEqual([]);
    expect(run.checker?.violations ?? []).toEqual([]);
  },
  900_000,
);

/** Pools that are too small for what is asked: requests fail, and no byte is wrong for that. */
test.each([
  ["sev-guest.yaml", 128, 1],
  ["sev-guest.yaml", 256, 2],
  ["xen-pv-dom0.yaml", 128, 1],
])(
  "%s with %d slots in %d areas: what fails is told, and every byte that is certain is right",
  (file, slots, areas) => {
    const described = describeMachine(file, readFileSync(`machines/${file}`, "utf8"));
    described.machine.swiotlb = { slots, areas, mode: "auto" };
    let failed = 0;
    for (let seed = 1; seed <= amount(1, 5); seed++) {
      for (const w of described.machine.workload) {
        w.requests = amount(60, 120);
        if (w.program === "disk") w.size = { from: 4096, to: 2 ** 20 };
      }
      const run = runMachine(described, { seed });
      expect(run.programs.flatMap((p) => p.wrong(true))).toEqual([]);
      expect([run.ran.idle, run.left, run.checker?.violations]).toEqual([true, [], []]);
      for (const p of run.programs) {
        const { issued, ended, failed: some } = p.requests();
        expect(ended).toBe(issued);
        failed += some;
      }
    }
    expect(failed).toBeGreaterThan(amount(5, 20));
  },
);

test.each(presets.filter((_, i) => long || i % 3 === 0))(
  "%s cut in its midst: nothing is called wrong or lost that is under way",
  (file) => {
    const described = describeMachine(file, readFileSync(`machines/${file}`, "utf8"));
    for (const stepMax of long ? [300, 3001] : [300]) {
      const outcome = outcomeOf(runMachine(described, { stepMax }));
      expect([outcome.idle, outcome.programs.flatMap((p) => p.wrong)]).toEqual([false, []]);
    }
  },
);
