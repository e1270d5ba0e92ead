/** The devices of a machine with the engine that its kernel takes for each, and why. */
import { Misuse } from "../../../base/assert.js";
import { plural } from "../../../base/count_words.js";
import { type KernelLog, LogLines } from "../../../base/kernel_log.js";
import { requesterOf } from "../../../bus/dma_port.js";
import { alignmentOf, minAlignMaskSince } from "../../../spec/linux/driver_alignments.js";
import { requestsMappedSince } from "../../../spec/linux/iommu_drivers.js";
import { driverKey } from "../../../spec/linux/pci_drivers.js";
import { isBefore } from "../../../spec/linux/releases.js";
import { setSlots } from "../../../spec/swiotlb/sizes.js";
import { DmaApi, type DmaChecks } from "../../../sw/dma/index.js";
import {
  type DmaDevice,
  type Engine,
  type EngineName,
  engineProfileOf,
  engines,
  plainDevice,
  type Selected,
  selectEngine,
} from "../../../sw/engine/index.js";
import {
  adjustAreas,
  adjustForSmallBuffers,
  limitAreas,
  parseSwiotlb,
  readParameter,
} from "../../../sw/swiotlb/index.js";
import type { Described } from "../description/description.js";
import type { DeviceDescription, MachineDescription } from "../description/schema.js";
import type { Host } from "./host.js";
import type { KernelIommu } from "./kernel_iommu.js";

export interface MachineDevice {
  readonly description: DeviceDescription;
  readonly requester: number;
  readonly selected: Selected;
  readonly engine: Engine;
  /** What the kernel has printed of the engine's mappings, those of other devices that share it too. */
  readonly log: readonly string[];
  /** Low address bits that its bounces keep: what is described, or its driver asks for. */
  readonly minAlignMask: number;
  readonly api: DmaApi;
  /** Its driver takes addresses for a whole request first, and links its buffers to them. */
  readonly mapsRequests: boolean;
}

/**
 * @param checks what watches every call; null: nothing does
 * @throws Unreadable, with its place, for a device that cannot work with the pool or the engine that it is given.
 */
export function buildDevices(d: Described, host: Host, checks: DmaChecks | null): MachineDevice[] {
  const built = new Map<string, { readonly engine: Engine; readonly lines: readonly string[] }>();
  const pool = new PoolOnDemand(d, host);
  return d.machine.devices.map((description, n) => {
    const device = dmaDevice(d.machine, description);
    const selected = select(d.machine, host, description, device);
    const key = `${selected.engine} ${selected.force}`;
    const log = new LogLines();
    const { engine, lines } = built.get(key) ?? {
      engine: build(d, { host, pool, log }, selected, ["devices", n, "engine"]),
      lines: log.lines,
    };
    built.set(key, { engine, lines });
    if (!serves(engine, device.mask)) {
      const from = `${reachWanted(engine)}: ${plural(fewestBits(engine), "bit")} or more`;
      const key = description.mask === undefined ? "lines" : "mask";
      d.refuse(
        ["devices", n, key],
        `a mask that reaches ${from}`,
        plural((description.mask ?? description.lines)!, "bit"),
      );
    }
    const requester = requesterOf(description.bdf);
    if (requester === null) return d.refuse(["devices", n, "bdf"], "a device of segment 0", description.bdf);
    host.assign(requester, description);
    const isOld = d.machine.kernel !== undefined && isBefore(d.machine.kernel, requestsMappedSince);
    // Addresses that are taken before what they lead to is known are the domain's own, whatever the device is attached to.
    const isSwitched = host.kernelIommu?.isSwitched(description.bdf) ?? false;
    const mapsRequests = description.driver === "nvme" && !isOld && !isSwitched;
    return {
      description,
      requester,
      selected,
      engine,
      log: lines,
      minAlignMask: device.minAlignMask,
      api: new DmaApi({ engine, device, checks }),
      mapsRequests,
    };
  });
}

/**
 * Linux lets a driver set such a mask where there is a zone for it (dma_direct_supported), and then refuses each of
 * its bounces; a description that asks for it has forgotten something.
 */
const serves = (engine: Engine, mask: number): boolean =>
  engine.supportsMask(mask) && !(engine.name === "swiotlb" && engine.pool !== null && mask < engine.pool.end - 1);

/** Behind an IOMMU a mask limits the addresses of the device's domain; where memory and pool lie is all one. */
function reachWanted(engine: Engine): string {
  if (engine.name === "iommu") return "an address that the kernel gives behind an IOMMU, where page 0 is none";
  return engine.pool === null ? "the memory" : "the bounce pool";
}

function fewestBits(engine: Engine): number {
  let bits = 1;
  while (bits < 64 && !serves(engine, 2 ** bits - 1)) bits++;
  return bits;
}

function dmaDevice(m: MachineDescription, d: DeviceDescription): DmaDevice {
  const bits = d.mask ?? d.lines ?? 64;
  const mask = bits === 64 ? 2 ** 64 : 2 ** bits - 1;
  return plainDevice({
    bdf: d.bdf,
    mask,
    coherentMask: mask,
    minAlignMask: d.minAlignMask ?? askedByDriver(m, d),
    coherent: d.coherent ?? true,
    behindIommu: m.xen?.model === "vp+iommu" || m.iommu !== undefined,
    untrusted: d.untrusted,
    ...(d.boundary !== undefined && { boundary: d.boundary }),
  });
}

function askedByDriver({ kernel }: MachineDescription, { driver }: DeviceDescription): number {
  if (driver === undefined || (kernel !== undefined && isBefore(kernel, minAlignMaskSince))) return 0;
  return alignmentOf(driverKey(driver))?.minAlignMask ?? 0;
}

const switched =
  "The kernel switches the device: what is mapped while it is in identity has memory's own address, and is direct.";

const useOf = (policy: ReturnType<KernelIommu["policyFor"]>) =>
  policy === "pass-through" ? ("pass-through" as const) : ("translating" as const);

function select(m: MachineDescription, host: Host, d: DeviceDescription, device: DmaDevice): Selected {
  const mode = m.swiotlb?.mode ?? "auto";
  const decided = selectEngine(
    {
      arch: m.arch,
      model: host.kernel.model,
      domain: host.kernel.domain,
      swiotlb: mode === "off" ? "noforce" : mode,
      memoryEnd: host.memoryEnd,
      encrypted: m.encrypted,
      ...(host.kernelIommu !== null && { iommu: useOf(host.kernelIommu.policyFor(d)) }),
      smallBuffersBounce: m.arch === "arm" && engineProfileOf(m.kernel ?? null).rules.smallBuffersBounce,
      ...(host.kernel.model === "p==m" && { directMapped: "direct" as const }),
    },
    device,
  );
  if (d.engine === "auto" || d.engine === decided.engine) {
    const isSwitched = decided.engine === "iommu" && host.kernelIommu?.isSwitched(d.bdf) === true;
    return isSwitched ? { ...decided, because: `${decided.because} ${switched}` } : decided;
  }
  return {
    engine: d.engine,
    force: mode === "force",
    because: `The description asks for it; the kernel would take ${decided.engine}.`,
  };
}

function build(
  d: Described,
  { host, pool, log }: { readonly host: Host; readonly pool: PoolOnDemand; readonly log: KernelLog },
  s: Selected,
  path: readonly (string | number)[],
): Engine {
  const options = {
    guest: host.kernel,
    log,
    force: s.force,
    memoryEnd: host.memoryEnd,
    ...(host.kernelIommu !== null && { domainOf: (bdf: string) => host.kernelIommu!.domainOf(bdf) }),
    ...(d.machine.kernel !== undefined && { profile: engineProfileOf(d.machine.kernel) }),
  };
  try {
    return engines[s.engine].build(usesPool(s.engine, d.machine) ? { ...options, pool: pool.get() } : options);
  } catch (error) {
    if (error instanceof Misuse)
      return d.refuse(path, "an engine that this machine can have", `${s.engine} (${error.message})`);
    throw error;
  }
}

/** An engine of IOMMUs bounces for devices that are not trusted alone. */
function usesPool(engine: EngineName, { devices, swiotlb }: MachineDescription): boolean {
  if (engine === "iommu") return swiotlb?.mode !== "off" && devices.some((d) => d.untrusted);
  return engine !== "direct" && engine !== "grant";
}

/** One pool for all devices of a kernel, made when the first engine wants it. */
class PoolOnDemand {
  readonly #d: Described;
  readonly #host: Host;
  #pool: { readonly start: number; readonly slots: number; readonly areas: number } | null = null;

  constructor(d: Described, host: Host) {
    this.#d = d;
    this.#host = host;
  }

  get(): { readonly start: number; readonly slots: number; readonly areas: number } {
    if (this.#pool !== null) return this.#pool;
    const { swiotlb, cpus = 1 } = this.#d.machine;
    const { slots = 32768, areas } = swiotlb ?? {};
    const text = areas === undefined ? `${slots}` : `${slots},${areas}`;
    const asked = this.#isSmall ? small(text, cpus, this.#host.memoryEnd) : parseSwiotlb(text, { cpus });
    const made = this.#host.makePool(asked.slots);
    if (made === null) return this.#refuse(asked.slots);
    this.#pool = { ...made, areas: asked.areas };
    return this.#pool;
  }

  /** What is written and too small is where to look. */
  #refuse(slots: number): never {
    const { swiotlb, memory } = this.#d.machine;
    let most = slots;
    while (most >= setSlots && this.#host.makePool(most) === null) most = Math.floor(most / 2);
    const smaller = most < setSlots ? "" : `, or a smaller one such as swiotlb: { slots: ${most} }`;
    const key = swiotlb?.slots === undefined && memory !== undefined ? "memory" : "swiotlb";
    const expected = `more memory for the bounce pool${smaller}`;
    return this.#d.refuse([key], expected, `no room for its ${plural(slots, "slot")} of 2 KiB in one piece`);
  }

  /** Whether the pool is there for small buffers only: on Arm, with all memory below 4 GiB. */
  get #isSmall(): boolean {
    const { arch, encrypted, kernel = null } = this.#d.machine;
    const bounces = engineProfileOf(kernel).rules.smallBuffersBounce;
    return arch === "arm" && !encrypted && bounces && this.#host.memoryEnd <= 2 ** 32;
  }
}

/** The setting as such a kernel takes it: areas that are not asked for are settled last. */
function small(text: string, cpus: number, memoryBytes: number): { readonly slots: number; readonly areas: number } {
  const boot = adjustForSmallBuffers(readParameter(text), memoryBytes);
  const settled = boot.areas === 0 ? adjustAreas(boot, cpus) : boot;
  return { slots: settled.slots, areas: limitAreas(settled.areas, settled.slots) };
}
