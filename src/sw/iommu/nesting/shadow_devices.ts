/**
 * A guest's devices on a host without a second stage for them: the host's tables are the shadow of the guest's. What the guest
 * maps and unmaps it has its unit forget (a unit in caching mode is told of either), and the host looks there again.
 *
 * Where the guest lets a device pass, all of the guest's memory is mapped at its own addresses. A switch between that and the
 * guest's tables is made in one of two ways: one domain for each device, whose mappings are all taken out and others put in, as
 * monitors did; or a domain for either, and the device's entry replaced.
 *
 * Source: D4; QEMU hw/i386/intel_iommu.c (vtd_page_walk, vtd_switch_address_space), hw/vfio/common.c.
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import * as D from "../../../spec/vtd/descriptors.js";
import type { Attachment, LookupFault } from "../../../table/device/index.js";
import {
  type Allow,
  enumerate,
  FrameSource,
  type Mapper,
  Need,
  planOf,
  Ranges,
  type TableRoot,
  Troubles,
  walk,
} from "../../../table/index.js";
import type { AttachedDevice, UnitDomain, UnitDriver } from "../unit_driver.js";

/** A run of pages that lie one behind the other on either side. */
export interface Run {
  readonly first: number;
  readonly to: number;
  readonly count: number;
  readonly allow: Allow;
}

export type SwitchWay = "replace" | "remap";

export interface ShadowOptions {
  readonly driver: UnitDriver;
  readonly makeMapper: (domain: UnitDomain) => Mapper;
  readonly way: SwitchWay;
  /** The guest's memory as the guest numbers it, and the host's frame of each of its frames. */
  readonly guest: MemoryView;
  readonly places: ArrayLike<number>;
  /** Runs that the guest's memory lies in. */
  readonly memory: readonly Run[];
  readonly attached: (requester: number) => Attachment | LookupFault;
  /** Devices go on while the host works: asked after each call that changes a mapping. @returns whether one took a step */
  readonly meanwhile: () => boolean;
}

export interface SwitchCounts {
  /** Switches of devices from where they had been led before, and calls that mapped or unmapped a run of pages in their course. */
  readonly switches: number;
  readonly calls: number;
  /** Calls that the other way would have taken for the same switches. */
  readonly callsOtherWay: number;
  /** Steps that devices took while the host was at it. */
  readonly deviceSteps: number;
  /** Pages that were refused them meanwhile, although both domains lead there alike (I5). */
  readonly refusedAlike: number;
  /** Pages that they asked for meanwhile: where both domains lead alike, as the old one led, as the new one, refused, elsewhere. */
  readonly met: Readonly<Record<Met, number>>;
}

export type Met = "alike" | "old" | "new" | "blocked" | "wrong";

/** The tables of a device's own domain, and what is in them: frame and rights of each page. */
interface Own {
  readonly domain: UnitDomain;
  readonly mapper: Mapper;
  readonly pages: Map<number, Leaf>;
}

interface Leaf {
  readonly frame: number;
  readonly allow: Allow;
}

interface Held {
  readonly device: AttachedDevice;
  readonly own: Own;
  /** The guest's table and the tag that it gave it; null: it lets the device pass. */
  guest: { readonly root: TableRoot; readonly id: number } | null;
  isBlocked: boolean;
  /** The guest has attached the device before: what it does next is a switch. */
  isLed: boolean;
}

/** A switch that is under way. */
interface Under {
  readonly requester: number;
  readonly before: (page: number) => number;
  readonly after: (page: number) => number;
}

const { DescriptorType: Type } = D;
const Grain = { all: 1, domain: 2, selective: 3 } as const;

export class ShadowDevices {
  readonly #o: ShadowOptions;
  readonly #held = new Map<number, Held>();
  /** All of the guest's memory at its own addresses, for every device that the guest lets pass. */
  readonly #identity: UnitDomain;
  readonly #guest: FrameSource;
  readonly #met: Record<Met, number> = { alike: 0, old: 0, new: 0, blocked: 0, wrong: 0 };
  readonly #counts = { switches: 0, calls: 0, callsOtherWay: 0, deviceSteps: 0, refusedAlike: 0 };
  #under: Under | null = null;

  constructor(o: ShadowOptions) {
    this.#o = o;
    this.#guest = FrameSource.of(o.guest);
    this.#identity = o.driver.createDomain();
    const mapper = o.makeMapper(this.#identity);
    for (const run of o.memory) put(mapper, run);
  }

  /** A device is being switched. */
  get isSwitching(): boolean {
    return this.#under !== null;
  }

  get counts(): SwitchCounts {
    return { ...this.#counts, met: { ...this.#met } };
  }

  add(device: AttachedDevice): void {
    const domain = this.#o.driver.createDomain();
    const own: Own = { domain, mapper: this.#o.makeMapper(domain), pages: new Map() };
    this.#held.set(device.requester, { device, own, guest: null, isBlocked: false, isLed: false });
    if (this.#o.way === "remap") for (const run of this.#o.memory) fill(own, run);
    this.#o.driver.attach(device, this.#o.way === "remap" ? domain : this.#identity);
  }

  /** The domain that leads a device. */
  #domainOf({ own, guest }: Held): UnitDomain {
    return guest === null && this.#o.way === "replace" ? this.#identity : own.domain;
  }

  /** The guest's unit carries a command out. When this returns, the host's tables are what it asks for. */
  told(command: Uint32Array): void {
    const type = D.descriptorType(command);
    if (type === Type.context) for (const held of this.#held.values()) this.#follow(held);
    if (type !== Type.iotlb) return;
    const { g, did, page, am } = D.IotlbInvalidate;
    const grain = read(command, 0, g);
    for (const held of this.#held.values()) {
      if (held.guest === null || (grain !== Grain.all && held.guest.id !== read(command, 0, did))) continue;
      const first = read(command, 0, page);
      const pages = grain === Grain.selective ? range(first, 2 ** read(command, 0, am)) : this.#allPages(held);
      this.#lookAgain(held, held.guest.root, pages);
    }
  }

  /** A page that a device asked for, and the frame that it reached; -1: it was refused. */
  reached(requester: number, asked: number, frame: number): void {
    const under = this.#under;
    if (under === null || under.requester !== requester) return;
    const [before, after] = [under.before(asked), under.after(asked)];
    if (frame < 0 && before >= 0 && before === after) this.#counts.refusedAlike++;
    this.#met[frame < 0 ? "blocked" : metBy(frame, before, after)]++;
  }

  #follow(held: Held): void {
    const found = this.#o.attached(held.device.requester);
    const isBlocked = !("state" in found) || found.state === "blocked";
    if (isBlocked !== held.isBlocked) {
      held.isBlocked = isBlocked;
      this.#o.driver.attach(held.device, isBlocked ? "blocked" : this.#domainOf(held));
    }
    if (isBlocked) return;
    const { second, domain } = found;
    const isSame = second === null ? held.guest === null : held.guest?.root.address === second.address;
    const isFirst = !held.isLed;
    held.isLed = true;
    if (isSame) return;
    const guest = second === null ? null : { root: second, id: domain ?? 0 };
    if (isFirst) this.#lead(held, guest, this.#runsFor(guest));
    else this.#switch(held, guest);
  }

  #switch(held: Held, guest: Held["guest"]): void {
    const { way, memory } = this.#o;
    const { device, own } = held;
    const before = this.#leads(held);
    const runs = this.#runsFor(guest);
    const shadow = guest === null ? joined(own.pages).length : runs.length;
    const after = guest === null ? this.#itself : leadsOf(runs);
    this.#counts.switches++;
    this.#counts.callsOtherWay += way === "remap" ? shadow : shadow + memory.length;
    this.#under = { requester: device.requester, before, after };
    this.#lead(held, guest, runs);
    this.#under = null;
  }

  /** @param runs what the guest leads the device to */
  #lead(held: Held, guest: Held["guest"], runs: readonly Run[]): void {
    const { way, driver } = this.#o;
    const { device, own } = held;
    held.guest = guest;
    if (way === "remap") {
      this.#empty(own, device);
      this.#fill(own, runs);
    } else if (guest === null) {
      driver.attach(device, this.#identity);
      this.#empty(own, device);
    } else {
      this.#fill(own, runs);
      driver.attach(device, own.domain);
    }
  }

  /** Run by run, and a flush of all when the last is out. */
  #empty(own: Own, device: AttachedDevice): void {
    for (const run of joined(own.pages)) {
      own.mapper.unmap(run.first * frameBytes, run.count * frameBytes);
      this.#called();
    }
    own.pages.clear();
    this.#o.driver.flushesOf(own.domain, [device]).flushAll();
    this.#o.meanwhile();
  }

  #fill(own: Own, runs: readonly Run[]): void {
    for (const run of runs) {
      fill(own, run);
      this.#called();
    }
  }

  #called(): void {
    const took = this.#o.meanwhile();
    if (this.#under === null) return;
    this.#counts.calls++;
    if (took) this.#counts.deviceSteps++;
  }

  /** Hold pages of the shadow against the guest's table. */
  #lookAgain({ own, device }: Held, root: TableRoot, pages: Iterable<number>): void {
    const flushes = this.#o.driver.flushesOf(own.domain, [device]);
    for (const page of pages) {
      const [leaf, kept] = [this.#leafAt(root, page), own.pages.get(page)];
      if (kept !== undefined && leaf?.frame === kept.frame && leaf.allow === kept.allow) continue;
      if (kept !== undefined) {
        own.mapper.unmap(page * frameBytes, frameBytes);
        own.pages.delete(page);
        flushes.flush(page, page, true);
      }
      if (leaf !== null) fill(own, { first: page, to: leaf.frame, count: 1, allow: leaf.allow });
    }
  }

  /** The host's frame behind a page by the guest's table; null: the table leads nowhere. */
  #leafAt(root: TableRoot, page: number): Leaf | null {
    const plan = planOf(root);
    const lets = (need: Need) => walk(plan, this.#guest, root.address, page, need);
    const frame = lets(Need.none);
    const to = frame < 0 ? undefined : this.#o.places[frame];
    if (to === undefined) return null;
    return { frame: to, allow: ((lets(Need.read) < 0 ? 0 : 1) | (lets(Need.write) < 0 ? 0 : 2)) as Allow };
  }

  #runsFor(guest: Held["guest"]): readonly Run[] {
    return guest === null ? this.#o.memory : this.#runsOf(guest.root);
  }

  #runsOf(root: TableRoot): Run[] {
    const found = new Ranges();
    enumerate(this.#guest, root, found, new Troubles());
    const pages = new Map<number, Leaf>();
    for (let row = 0; row < found.count; row++)
      for (let at = 0; at < found.bytes[row]!; at += frameBytes) {
        const frame = this.#o.places[(found.paddr[row]! + at) / frameBytes];
        if (frame !== undefined)
          pages.set((found.iova[row]! + at) / frameBytes, { frame, allow: found.allow[row]! as Allow });
      }
    return joined(pages);
  }

  /** Pages that either side has. */
  #allPages({ own, guest }: Held): Set<number> {
    const runs = this.#runsOf(guest!.root);
    return new Set([...own.pages.keys(), ...runs.flatMap(({ first, count }) => [...range(first, count)])]);
  }

  #leads({ own, guest }: Held): (page: number) => number {
    if (guest === null) return this.#itself;
    const pages = new Map(own.pages);
    return (page) => pages.get(page)?.frame ?? -1;
  }

  readonly #itself = (page: number): number => this.#o.places[page] ?? -1;
}

function metBy(frame: number, before: number, after: number): Met {
  if (frame === before) return before === after ? "alike" : "old";
  return frame === after ? "new" : "wrong";
}

function put(mapper: Mapper, { first, to, count, allow }: Run): void {
  mapper.map(first * frameBytes, to * frameBytes, count * frameBytes, allow);
}

function fill({ mapper, pages }: Own, run: Run): void {
  put(mapper, run);
  for (let n = 0; n < run.count; n++) pages.set(run.first + n, { frame: run.to + n, allow: run.allow });
}

function* range(first: number, count: number): Generator<number> {
  for (let page = first; page < first + count; page++) yield page;
}

/** Pages that lie one behind the other on both sides, as runs. */
function joined(pages: ReadonlyMap<number, Leaf>): Run[] {
  const runs: { first: number; to: number; count: number; allow: Allow }[] = [];
  for (const [page, { frame, allow }] of [...pages].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1);
    const goesOn = last?.allow === allow && page === last.first + last.count && frame === last.to + last.count;
    if (goesOn) last.count++;
    else runs.push({ first: page, to: frame, count: 1, allow });
  }
  return runs;
}

function leadsOf(runs: readonly Run[]): (page: number) => number {
  const pages = new Map(runs.flatMap(({ first, to, count }) => [...range(0, count)].map((n) => [first + n, to + n])));
  return (page) => pages.get(page) ?? -1;
}
