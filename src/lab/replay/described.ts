/**
 * A described machine laid over an inferred one: its devices' facts, and its pool to be tried instead. What a description
 * says and a replay cannot follow is refused, never passed over.
 */
import { adjustForEncryption, parseSwiotlb, profileOf, readParameter } from "../../sw/swiotlb/index.js";
import type { Described } from "../machine/description/description.js";
import type { Path } from "../machine/description/mistakes.js";
import type { MachineDescription } from "../machine/description/schema.js";
import type { Machine } from "./machine/machine.js";
import type { DeviceMasks } from "./machine/masks.js";
import type { Replacement } from "./other_pools/setting.js";

/** What a recording's requests do not tell, and so cannot be replayed with. @throws Unreadable that names the place. */
export function refuseWhatNoReplayFollows({ machine: m, refuse }: Described): void {
  const no = (path: Path, what: string): never => refuse(path, "what a recording can be replayed on", what);
  if (m.xen !== undefined) no(["xen"], "a hypervisor: which frames its domains would have had is not in a recording");
  if (m.iommu !== undefined)
    no(["iommu"], "an IOMMU: what it would have translated, and what would have bounced then, is not in a recording");
  if (m.arch !== "x86") no(["arch"], `${m.arch}: what it bounces beside masks is not in a recording`);
  m.devices.forEach((d, n) => {
    if (d.coherent === false)
      no(
        ["devices", n, "coherent"],
        "a device that is not coherent: which buffers share cache lines is not in a recording",
      );
    if (d.engine !== "auto") no(["devices", n, "engine"], `${d.engine}: only the native engine is replayed (auto)`);
  });
}

/** @throws Unreadable when the recording has buffers that the described machine has no memory for. */
export function refuseTooLittleMemory({ machine: m, refuse }: Described, highest: number): void {
  if (m.memory === undefined || !(highest > m.memory + holeMax)) return;
  const reached = `${(m.memory / 2 ** 20).toFixed(0)} MiB`;
  refuse(["memory"], `at least the ${(highest / 2 ** 20).toFixed(0)} MiB that the recording's buffers reach`, reached);
}

/** Addresses below 4 GiB that may be no memory, so that memory ends this much higher. */
const holeMax = 2 ** 32;

export function withDescribedDevices(m: MachineDescription, machine: Machine, names: readonly string[]): Machine {
  const devices = machine.devices.map((inferred, i) => {
    const told = m.devices.find((d) => d.bdf === names[i]);
    if (told === undefined) return inferred;
    const { driver = inferred.driver, minAlignMask = inferred.minAlignMask, boundary = inferred.boundary } = told;
    const aligned = told.minAlignMask !== undefined || told.boundary !== undefined;
    return { driver, minAlignMask, boundary, from: aligned ? ("described" as const) : inferred.from };
  });
  const unused = m.workload.length > 0 ? ["the description's workload is not run: the recording's requests are"] : [];
  return { ...machine, kernel: m.kernel ?? machine.kernel, devices, evidence: [...machine.evidence, ...unused] };
}

/** Masks that the description states replace those that were recorded. */
export function describeMasks(m: MachineDescription, masks: DeviceMasks, names: readonly string[]): void {
  names.forEach((name, i) => {
    const told = m.devices.find((d) => d.bdf === name);
    // A description's mask is within its lines, and lines without a mask are all 64.
    const bits = told?.mask ?? told?.lines;
    if (bits !== undefined) masks.described(i, 2 ** bits - 1);
  });
}

/**
 * The pool that the described machine would have had.
 * @returns null when the description says nothing that changes the recorded one.
 */
export function describedPool(m: MachineDescription, machine: Machine): Replacement | null {
  if (m.swiotlb === undefined && !m.encrypted && m.cpus === undefined && m.kernel === undefined) return null;
  const profile = m.kernel === undefined ? (machine.pool?.profile ?? machine.profile) : profileOf(m.kernel);
  const mode = m.swiotlb?.mode ?? "auto";
  if (mode === "off") return { slots: 0, areas: 1, forced: false, profile };
  const cpus = m.cpus ?? machine.cpus;
  const isSized = m.swiotlb?.slots !== undefined;
  const slots = m.swiotlb?.slots ?? (m.encrypted ? null : (machine.pool?.slots ?? null));
  const areas = m.swiotlb?.areas ?? (m.cpus === undefined && !isSized ? machine.pool?.areas : undefined);
  const asked = slots === null ? "" : areas === undefined ? `${slots}` : `${slots},${areas}`;
  const grown =
    m.encrypted && !isSized && m.memory !== undefined ? adjustForEncryption(readParameter(asked), m.memory) : undefined;
  const read = grown === undefined ? parseSwiotlb(asked, { cpus }) : parseSwiotlb("", { cpus, defaults: grown });
  const forced = mode === "force" || m.encrypted || (m.swiotlb === undefined && (machine.pool?.forced ?? false));
  return { slots: read.slots, areas: read.areas, forced, profile };
}
