/** What a description may not say at once: each rule is a row, and names the place that is wrong. */
import type { MachineDescription } from "./schema.js";

export interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly expected: string;
  readonly found: string;
}

type Rule = (m: MachineDescription) => Contradiction | null;

/** The first thing that cannot be; null when all can. */
export function contradiction(m: MachineDescription): Contradiction | null {
  for (const rule of rules) {
    const wrong = rule(m);
    if (wrong !== null) return wrong;
  }
  return null;
}

const rules: readonly Rule[] = [
  function devicesApart(m) {
    const at = repeated(m.devices.map((d) => d.bdf));
    return at < 0
      ? null
      : { path: ["devices", at, "bdf"], expected: "each device once", found: `two at ${m.devices[at]!.bdf}` };
  },
  function domainsApart(m) {
    const domains = m.xen?.domains ?? [];
    const at = repeated(domains.map((d) => d.id));
    return at < 0
      ? null
      : { path: ["xen", "domains", at, "id"], expected: "each domain once", found: `two numbered ${domains[at]!.id}` };
  },
  function driverDomainThere(m) {
    if (m.xen === undefined || m.xen.domains.some((d) => d.id === 0)) return null;
    return { path: ["xen", "domains"], expected: "domain 0, which drives the devices", found: "none" };
  },
  function memoryEnough(m) {
    if (m.xen === undefined || m.memory === undefined) return null;
    let sum = 0;
    for (const [n, d] of m.xen.domains.entries()) {
      sum += d.memory;
      const path = ["xen", "domains", n, "memory"];
      if (sum > m.memory)
        return { path, expected: `domains within the machine's ${m.memory} bytes`, found: `${sum} bytes` };
    }
    return null;
  },
  function maskWithinLines(m) {
    const at = m.devices.findIndex((d) => d.lines !== undefined && (d.mask ?? 64) > d.lines);
    if (at < 0) return null;
    const { mask = 64, lines } = m.devices[at]!;
    const path = ["devices", at, m.devices[at]!.mask === undefined ? "lines" : "mask"];
    return { path, expected: `a mask of at most the ${lines} address lines`, found: `${mask} bits` };
  },
  function programsHaveDevices(m) {
    const at = m.workload.findIndex((w) => !m.devices.some((d) => d.bdf === w.device));
    if (at < 0) return null;
    const there = m.devices.map((d) => d.bdf).join(", ") || "none is described";
    return {
      path: ["workload", at, "device"],
      expected: `a device of the machine (${there})`,
      found: m.workload[at]!.device,
    };
  },
  function programsHaveDomains(m) {
    for (const [n, w] of m.workload.entries()) {
      if (w.from === undefined) continue;
      const guests = (m.xen?.domains ?? []).filter((d) => d.id !== 0).map((d) => d.id);
      if (guests.includes(w.from)) continue;
      const there = guests.join(", ") || "there is none";
      return { path: ["workload", n, "from"], expected: `a guest (${there})`, found: `${w.from}` };
    }
    return null;
  },
  function enginesOfXenNeedIt(m) {
    if (m.xen !== undefined) return null;
    const at = m.devices.findIndex((d) => d.engine.startsWith("swiotlb-xen") || d.engine === "grant");
    if (at < 0) return null;
    const { engine } = m.devices[at]!;
    return { path: ["devices", at, "engine"], expected: "an engine that needs no hypervisor", found: engine };
  },
  function devicesOfOneKind(m) {
    const at = m.workload.findIndex((w, n) =>
      m.workload.slice(0, n).some((v) => v.device === w.device && kindOf(v) !== kindOf(w)),
    );
    if (at < 0) return null;
    const w = m.workload[at]!;
    const before = kindOf(m.workload.find((v) => v.device === w.device)!);
    return { path: ["workload", at, "program"], expected: `a program of ${before}, as before`, found: w.program };
  },
  function backEndsHaveGuests(m) {
    const at = m.workload.findIndex((w) => w.from === undefined && !ownPrograms.has(w.program));
    return at < 0 ? null : { path: ["workload", at], expected: "from: the guest that it serves", found: "nothing" };
  },
];

/** Programs of the driver domain itself. */
const ownPrograms: ReadonlySet<string> = new Set(["disk", "net", "legacy-dma", "legacy-pio"]);

/** What a program takes its device for. */
function kindOf({ program }: MachineDescription["workload"][number]): string {
  if (program.includes("net")) return "a network controller";
  return program.startsWith("legacy") ? `a disk with the driver ${program}` : "a disk";
}

/** Index of the first value that stood before; -1 when all differ. */
function repeated(values: readonly (string | number)[]): number {
  return values.findIndex((v, n) => values.indexOf(v) < n);
}
