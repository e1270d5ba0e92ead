/**
 * The unit of a guest: one in the guest's memory that the guest's kernel drives as it would a real one, and the host's, which
 * translates for the devices. What the guest's unit carries out is carried over to the host's before the guest hears of it.
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes } from "../../../base/frame.js";
import { drawn } from "../../../base/rng.js";
import { requesterOf } from "../../../bus/dma_port.js";
import { AddressType, type DmaRequest, Outcome } from "../../../hw/iommu/core/request.js";
import type { Actor } from "../../../sim/actor.js";
import { MachineState } from "../../../state/machine_state.js";
import { NativeGuest } from "../../../sw/engine/index.js";
import { GuestDevices } from "../../../sw/iommu/nesting/guest_devices.js";
import { type Run, ShadowDevices } from "../../../sw/iommu/nesting/shadow_devices.js";
import type { AttachedDevice, UnitDriver } from "../../../sw/iommu/unit_driver.js";
import type { Attachment, LookupFault } from "../../../table/device/index.js";
import { Allow, Mapper, Need, type TableRoot, type TraceStep, trace } from "../../../table/index.js";
import type { MachineDescription } from "../description/schema.js";
import {
  askedAddress,
  DrivenUnit,
  type IommuDescription,
  type IommuWatch,
  type KernelUnit,
  type RegistersSeen,
} from "./driven_unit.js";
import { pieceFrames, placesOf } from "./guest_memory.js";
import type { KernelParts } from "./kernel_iommu.js";
import { type HardwareUnit, machineUnits } from "./machine_units.js";
import { StaleUses } from "./stale_uses.js";
import { UnitWork } from "./unit_work.js";

/** Caches of the guest's unit: nothing asks them. */
const caches = { devices: 1, spaces: 1, tables: 1, translations: 1 };
/** Frames of the host for its tables and queues, beside those that a second stage takes. */
const hostFrames = 4096;

/** A host with one guest: its memory, and where the guest's lies in it. */
export class NestingHost {
  /** The kernel that has the real unit. */
  readonly kernel: NativeGuest;
  /** The frame here of each of the guest's. */
  readonly places: Uint32Array;
  /** Runs of frames that lie one behind the other on both sides. */
  readonly runs: readonly Run[];

  /** @param frames of the guest */
  constructor(frames: number, seed: number) {
    const { places, end } = placesOf(frames, drawn(seed));
    this.places = places;
    this.runs = runsOf(places);
    // A table of the second stage for each 2 MiB at most.
    this.kernel = new NativeGuest(end + hostFrames + 2 * Math.ceil(frames / pieceFrames), { reserved: end });
  }

  /** Frames of zeros for the host's own structures. */
  allocate(count: number): number {
    const first = this.kernel.allocPages(Math.log2(count));
    if (first === null) throw new Misuse("no-memory", "no page is left for the tables of the IOMMU's host");
    this.kernel.memory.fill(first * frameBytes, count * frameBytes, 0);
    return first;
  }
}

function runsOf(places: Uint32Array): Run[] {
  const runs: Run[] = [];
  for (let first = 0; first < places.length; ) {
    let count = 1;
    while (first + count < places.length && places[first + count] === places[first]! + count) count++;
    runs.push({ first, to: places[first]!, count, allow: Allow.readWrite });
    first += count;
  }
  return runs;
}

export class NestedUnit implements KernelUnit {
  readonly kind;
  readonly driver: UnitDriver;
  readonly faultHandler: Actor;
  readonly stale: StaleUses;
  readonly tellsOfMaps: boolean;
  /** Devices go on while the host works. @returns whether one took a step */
  meanwhile: () => boolean = () => false;
  /** What the host does for the devices: one of the two. */
  readonly nested: GuestDevices | null;
  readonly shadow: ShadowDevices | null;
  readonly #host: NestingHost;
  readonly #unit: DrivenUnit;
  readonly #devices: GuestDevices | ShadowDevices;
  readonly #physOf: KernelParts["physOf"];
  #second: TableRoot | null = null;

  /** @throws Misuse `no-memory` */
  constructor(
    m: MachineDescription,
    described: IommuDescription,
    host: NestingHost,
    guest: NativeGuest,
    { allocate, entriesFor, physOf }: KernelParts,
  ) {
    this.#host = host;
    this.#physOf = physOf;
    this.kind = machineUnits[described.kind];
    this.tellsOfMaps = described.stage === "shadow";
    const parts = this.tellsOfMaps ? this.kind.shadow! : this.kind.nesting!;
    const { memory } = host.kernel;
    const ofHost = (count: number) => host.allocate(count);
    this.#unit = new DrivenUnit({
      ...{ machine: m, described, memory, tlbEntries: 8, stage: "second", parts: parts.host, allocate: ofHost },
      entriesFor: (r) => (this.shadow === null ? [...entriesFor(r), ...this.#secondSteps(r)] : entriesFor(r)),
      resolved: ({ requester, frame, type }, { outcome, frame: reached }) => {
        if (type === AddressType.untranslated)
          this.shadow?.reached(requester, frame, outcome === Outcome.passes ? reached : -1);
      },
      reached: ({ requester, frame, write, by }, asked) => {
        // What a device keeps itself is held against what drivers have mapped: its requests name no bus address any more.
        if (asked === null || by !== "IOTLB" || this.shadow?.isSwitching === true) return;
        this.stale.reached({ requester, asked, frame, leads: this.#leads(requester, asked), write });
      },
    });
    this.stale = new StaleUses({ isLazy: described.policy === "lazy" });
    this.faultHandler = this.#unit.faultHandler;
    let virtual: HardwareUnit;
    const attached = (requester: number) => virtual.attached(requester);
    const { driver } = this.#unit;
    this.nested = this.tellsOfMaps ? null : this.#nested(described, attached);
    this.shadow = this.tellsOfMaps
      ? new ShadowDevices({
          ...{ driver, attached, way: described.hostSwitch ?? "replace", guest: guest.memory, places: host.places },
          makeMapper: ({ root }) => new Mapper(memory, root, ofHost, { split: true }),
          memory: host.runs,
          meanwhile: () => this.meanwhile(),
        })
      : null;
    const devices = (this.nested ?? this.shadow)!;
    this.#devices = devices;
    virtual = parts.guest.build({
      ...{ state: new MachineState(), memory: guest.memory, caches, messages: { send: () => undefined } },
      carriedOut: (command) => devices.told(command),
      // What devices keep was forgotten when the command was carried over.
      deviceTlb: (requester) => ({
        invalidate: ({ tag }) => virtual.completed({ requester, tags: 2 ** tag, count: 1 }),
      }),
    });
    const work = new UnitWork(virtual, () => []);
    this.driver = parts.guest.drive({
      ports: { memory: guest.memory, registers: virtual.registers, allocate, spin: (until) => work.spin(until) },
      lastRequester: Math.max(0, ...m.devices.map((d) => requesterOf(d.bdf) ?? 0)),
    });
  }

  get watch(): IommuWatch | null {
    return this.#unit.watch;
  }

  set watch(to: IommuWatch | null) {
    this.#unit.watch = to;
  }

  get tally() {
    return this.#unit.tally;
  }

  get port() {
    return this.#unit.port;
  }

  /** The host's, which are those that an image of the machine is read by. */
  get registers(): RegistersSeen {
    return this.#unit.registers;
  }

  /** Calls that mapped the guest's memory: pieces of it that lie in one run in the host's. */
  get pieces(): number {
    return this.#host.runs.length;
  }

  add(device: AttachedDevice): void {
    this.#unit.add(device);
    this.#devices.add(device);
  }

  behind(phys: number): number {
    const place = this.#host.places[Math.floor(phys / frameBytes)];
    return place === undefined ? -1 : place * frameBytes + (phys % frameBytes);
  }

  /** A second stage with all of the guest's memory, and the guest's first stages above it. */
  #nested(described: IommuDescription, attached: (requester: number) => Attachment | LookupFault): GuestDevices {
    const { kernel, runs } = this.#host;
    const { driver } = this.#unit;
    const second = driver.createDomain();
    this.#second = second.root;
    const mapper = new Mapper(kernel.memory, second.root, (count) => this.#host.allocate(count));
    for (const { first, to, count, allow } of runs)
      mapper.map(first * frameBytes, to * frameBytes, count * frameBytes, allow);
    return new GuestDevices({
      ...{ driver, second, attached, vendor: this.kind.nesting!.vendor },
      keeps: (id) => this.#unit.hardware.caches.translations.keeps(id),
      ...(described.hostBug !== undefined && { bug: described.hostBug }),
    });
  }

  /** The second stage's entries to where a request leads. */
  #secondSteps(request: DmaRequest): readonly TraceStep[] {
    const address = askedAddress(request);
    const phys = address === null ? -1 : this.#physOf(request.requester, address);
    if (phys < 0) return [];
    return trace(this.#host.kernel.memory, this.#second!, BigInt(phys), Need.none).steps;
  }

  /** The host's frame that a page of a device's leads to now; -1: none. */
  #leads(requester: number, asked: number): number {
    const phys = this.#physOf(requester, asked * frameBytes);
    const at = phys < 0 ? -1 : this.behind(phys);
    return at < 0 ? -1 : at / frameBytes;
  }
}
