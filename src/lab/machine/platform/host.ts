/** The kernel that drives the devices, its memory and its bus: the ground of a machine, with or without a hypervisor. */
import { frameBytes } from "../../../base/frame.js";
import { drawn } from "../../../base/rng.js";
import type { DmaOutcome, DmaPort } from "../../../bus/dma_port.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import { Memory } from "../../../mem/memory.js";
import { type Actor, heldWhile } from "../../../sim/actor.js";
import { isaArea } from "../../../spec/linux/isa_area.js";
import { type GuestKernel, NativeGuest } from "../../../sw/engine/index.js";
import {
  AccessGate,
  CallCounts,
  ForeignPages,
  Grants,
  Guest,
  Hypervisor,
  MachineBus,
  makePool,
  type PageHole,
  type XenModel,
} from "../../../sw/xen/index.js";
import type { MachineDescription } from "../description/schema.js";
import type { DeviceTraits, MachineIommu } from "./driven_unit.js";
import { KernelIommu, type MakeUnit } from "./kernel_iommu.js";
import { NestedUnit, NestingHost } from "./nested_unit.js";
import { PlainReservation, type Reservation, ServedReservation } from "./reservation.js";
import { XenIommu } from "./xen_iommu.js";

const slotBytes = 2048;

/** A domain that asks; its kernel and its grants. */
export interface GuestDomain {
  readonly guest: Guest;
  readonly grants: Grants;
}

/** The hypervisor, the kernel that drives the devices as a guest of it, and the pages of others in that kernel. */
export interface XenHost {
  readonly hypervisor: Hypervisor;
  /** What the run is told: calls by name, and every access to a frame, held against its owner. */
  readonly calls: CallCounts;
  readonly gate: AccessGate;
  readonly kernel: Guest;
  readonly foreign: ForeignPages;
  /** The IOMMU by which it keeps the devices; null: the plain map of the model. */
  readonly iommu: XenIommu | null;
  /** How a domain gives pages back, and gets others. */
  readonly reservationOf: (domain: number) => Reservation;
}

export interface Host {
  readonly kernel: GuestKernel;
  /** The machine's memory, by its own addresses. */
  readonly memory: Memory;
  /** Steps of the run so far: who runs the machine counts them. */
  readonly clock: { steps: number };
  /** What an actor does on processors of the kernel that drives the devices: not while they are paused. */
  readonly onProcessors: (actor: Actor) => Actor;
  /** They are paused, and what they had under way is not at its end. */
  readonly isPaused: () => boolean;
  /** null without a hypervisor. */
  readonly xen: XenHost | null;
  /** The IOMMU before the devices; null: there is none. */
  readonly iommu: MachineIommu | null;
  /** The same where the kernel has it for itself; null: there is none that it knows of. */
  readonly kernelIommu: KernelIommu | null;
  /** Where the kernel is a guest whose unit its host gives it; null: it is not. */
  readonly nested: NestedUnit | null;
  readonly guests: ReadonlyMap<number, GuestDomain>;
  readonly port: DmaPort;
  /** A device works for this kernel from now on. */
  readonly assign: (requester: number, device: DeviceTraits) => void;
  /** Pages of the kernel that drives the devices that nobody holds but its IOMMU's structures. */
  readonly pagesLeft: () => number;
  /** One more than the highest physical byte address. */
  readonly memoryEnd: number;
  /**
   * Memory for a bounce pool.
   * @returns its first byte and its slots, fewer than asked where less could be had; null: none
   */
  readonly makePool: (slots: number) => { readonly start: number; readonly slots: number } | null;
}

/** Of a machine that names none. */
export const memoryDefault = 2 ** 30;

/** Build the ground that a description asks for. @throws Misuse `no-memory` when frames are short. */
export function buildHost(m: MachineDescription): Host {
  return m.xen === undefined ? native(m) : underXen(m, m.xen);
}

function native(m: MachineDescription): Host {
  const frames = (m.memory ?? memoryDefault) / frameBytes;
  const nests = m.iommu?.stage === "nested" || m.iommu?.stage === "shadow" ? new NestingHost(frames, m.seed) : null;
  const kernel = new NativeGuest(frames, {
    ...{ highFirst: true, hole: holeOf(m) },
    ...(nests !== null && { memory: nests.kernel.memory.through(nests.places) }),
  });
  let nested: NestedUnit | null = null;
  const makeUnit: MakeUnit | undefined =
    nests === null
      ? undefined
      : (m, described, kernel, parts) => {
          nested = new NestedUnit(m, described, nests, kernel, parts);
          return nested;
        };
  const iommu = m.iommu === undefined ? null : new KernelIommu(m, m.iommu, kernel, makeUnit);
  return {
    kernel,
    memory: nests?.kernel.memory ?? kernel.memory,
    clock: { steps: 0 },
    onProcessors: (actor) => actor,
    isPaused: () => false,
    xen: null,
    iommu,
    kernelIommu: iommu,
    nested,
    guests: new Map(),
    port: iommu?.port ?? new PlainBus(kernel.memory, frames * frameBytes),
    assign: (requester, device) => iommu?.attach(requester, device),
    pagesLeft: () => kernel.pagesLeft + (iommu?.framesHeld ?? 0),
    memoryEnd: frames * frameBytes,
    makePool(slots) {
      const order = Math.ceil(Math.log2((slots * slotBytes) / frameBytes));
      const first = kernel.allocPages(order, 2 ** 32 - 1);
      return first === null ? null : { start: first * frameBytes, slots };
    },
  };
}

/** Pages that no kernel of the architecture hands out. */
const holeOf = ({ arch }: MachineDescription): PageHole | null =>
  arch === "x86" ? { first: isaArea.from / frameBytes, end: isaArea.end / frameBytes } : null;

/** Frames beside those of the domains: the hypervisor's heap, and what exchanges need to choose from. */
const spareFrames = 16384;

function underXen(m: MachineDescription, xen: NonNullable<MachineDescription["xen"]>): Host {
  const pages = (bytes: number) => Math.floor(bytes / frameBytes);
  const asked = xen.domains.reduce((sum, d) => sum + pages(d.memory), 0);
  const frames = Math.max(pages(m.memory ?? 0), asked + spareFrames);
  const called = new CallCounts();
  const clock = { steps: 0 };
  const memory = new Memory(frames);
  const gate = new AccessGate(memory);
  const hypervisor = new Hypervisor({
    memory,
    called: called.called,
    watch: gate,
    choose: drawn(m.seed),
    arch: m.arch === "arm" ? "arm" : "x86",
  });
  const driving = xen.passthrough ?? 0;
  const own = xen.domains.find((d) => d.id === driving)!;
  const ofClass = (id: number) => (id === 0 ? "control" : "guest");
  const create = (id: number, model: XenModel, memory: number) =>
    hypervisor.createDomain({ id, model, pages: pages(memory), class: ofClass(id) });
  // Frames are given from the highest on: the driver domain's first.
  const domain = create(driving, xen.model, own.memory);
  const hole = holeOf(m);
  const kernel = new Guest(hypervisor, domain, { hole });
  const guests = new Map<number, GuestDomain>();
  const guestModel = xen.guests ?? (xen.model === "p2m" ? "p2m" : "vp");
  for (const d of xen.domains) {
    if (d.id === driving) continue;
    const guest = new Guest(hypervisor, create(d.id, guestModel, d.memory), { hole });
    guests.set(d.id, { guest, grants: new Grants(guest) });
  }
  const bus = new MachineBus(hypervisor);
  const iommu =
    m.iommu === undefined ? null : new XenIommu({ machine: m, described: m.iommu, hypervisor, gate, domain, clock });
  const calls = iommu?.calls ?? null;
  return {
    kernel,
    memory,
    iommu,
    kernelIommu: null,
    nested: null,
    clock,
    isPaused: () => calls?.isPaused ?? false,
    onProcessors: (actor) => (calls === null ? actor : heldWhile(() => calls.isPaused, actor)),
    xen: {
      ...{ hypervisor, calls: called, gate, kernel, iommu, foreign: new ForeignPages(kernel) },
      reservationOf: (id) =>
        id === driving && calls !== null
          ? new ServedReservation(kernel, calls)
          : new PlainReservation(id === driving ? kernel : guests.get(id)!.guest),
    },
    guests,
    port: iommu?.port ?? bus,
    assign: (requester, device) => (iommu === null ? bus.assign(requester, domain) : iommu.attach(requester, device)),
    pagesLeft: () => kernel.pages.freePages,
    memoryEnd: pages(own.memory) * frameBytes,
    makePool(slots) {
      const made = makePool(kernel, slots * slotBytes);
      return made === null ? null : { start: made.first * frameBytes, slots: made.bytes / slotBytes };
    },
  };
}

/** A bus whose addresses are memory's own. */
class PlainBus implements DmaPort {
  readonly #memory: ByteMemory;
  readonly #end: number;

  constructor(memory: ByteMemory, end: number) {
    this.#memory = memory;
    this.#end = end;
  }

  read(_requester: number, address: number, into: Uint8Array): DmaOutcome {
    if (!this.#holds(address, into.length)) return "outside";
    this.#memory.read(address, into);
    return "done";
  }

  write(_requester: number, address: number, from: Uint8Array): DmaOutcome {
    if (!this.#holds(address, from.length)) return "outside";
    this.#memory.write(address, from);
    return "done";
  }

  #holds(address: number, count: number): boolean {
    return address >= 0 && address + count <= this.#end;
  }
}
