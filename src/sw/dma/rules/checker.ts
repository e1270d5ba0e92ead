/**
 * The checks on the DMA API of one kernel: what dma-debug finds, and what only a memory with bytes can find.
 *
 * One checker serves all devices of a kernel. Drivers reach memory through `watchMemory`, devices through `watchPort`;
 * the engine's own copies go past both. Source: Linux kernel/dma/debug.c.
 */
import { type DmaOutcome, type DmaPort, requesterOf } from "../../../bus/dma_port.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import { Direction } from "../../../spec/dma/direction.js";
import type { Coherent, DmaDevice, Engine, Mapped, MappedRange } from "../../engine/index.js";
import type { DmaChecks, MapCall, MapKind } from "../checks.js";
import type { ListEntry, MappedList } from "../list.js";
import { bytesAfterSync, bytesAfterUnmap, cpuAccess, deviceAccess } from "./byte_rules.js";
import { checkSync, checkUnbound, checkUnmap } from "./end_rules.js";
import type { Live } from "./live.js";
import { checkAllocated, checkEntries, checkMapped, checkSegment } from "./map_rules.js";
import type { DmaRuleName } from "./rules.js";
import { type CheckOptions, CheckState } from "./state.js";
import type { Violation } from "./violations.js";

export class Checker implements DmaChecks {
  readonly #state: CheckState;
  /** Lists that are mapped now, by the object that the driver keeps. */
  readonly #lists = new Set<readonly ListEntry[]>();
  /** The device that called last. */
  #latest = "";
  /** The mapping that the call under way is about. */
  #current: Live | null = null;

  constructor(o: CheckOptions = {}) {
    this.#state = new CheckState(o);
  }

  /** Broken rules in words: the first twenty of each. */
  get violations(): readonly Violation[] {
    return this.#state.violations.kept;
  }

  get totals(): readonly { readonly rule: DmaRuleName; readonly count: number }[] {
    return this.#state.violations.totals();
  }

  count(rule?: DmaRuleName): number {
    return this.#state.violations.count(rule);
  }

  /** Mappings that are alive. */
  get alive(): number {
    return this.#state.live.size;
  }

  /** Those. */
  get mappings(): readonly Pick<Live, "device" | "kind" | "bus" | "phys" | "size" | "direction">[] {
    return [...this.#state.live.all()];
  }

  /** Memory as drivers see it: accesses to what a device owns are noticed. */
  watchMemory(inner: ByteMemory): ByteMemory {
    return new WatchedMemory(inner, this.#state);
  }

  /** The bus as devices see it: every access is held against what is mapped. */
  watchPort(inner: DmaPort): DmaPort {
    return new WatchedPort(inner, this.#state);
  }

  misdirected(device: DmaDevice, call: string): void {
    this.#state.violations.add("map-direction", device.bdf, () => call);
  }

  mapped(device: DmaDevice, engine: Engine, call: MapCall, mapped: Mapped): void {
    if (this.#off(device)) return;
    checkMapped(this.#state, device, engine, { kind: "single", call, mapped, entries: 0 });
  }

  mappingList(device: DmaDevice, entries: readonly ListEntry[], direction: Direction, attributes: number): void {
    if (this.#off(device)) return;
    checkEntries(
      this.#state,
      device,
      entries.map((e) => ({ ...e, direction, attributes })),
    );
    if (this.#lists.has(entries))
      this.#state.violations.add("list-mapped-twice", device.bdf, () => `${entries.length} entries`);
  }

  mappedList(device: DmaDevice, engine: Engine, list: MappedList, direction: Direction, attributes: number): void {
    if (this.#off(device)) return;
    if (list.count > 0) this.#lists.add(list.entries);
    for (const { phys, size, mapped } of list.parts) {
      const call = { phys, size, direction, attributes };
      checkMapped(this.#state, device, engine, { kind: "list", call, mapped, entries: list.entries.length });
    }
    for (const s of list.segments) checkSegment(this.#state, device, s.bus, s.size);
  }

  unmapping(device: DmaDevice, kind: MapKind, range: MappedRange, entries: number): void {
    this.#current = this.#off(device) ? null : checkUnmap(this.#state, device, { kind, range, entries });
  }

  unmapped(_device: DmaDevice, _kind: MapKind, range: MappedRange): void {
    const m = this.#current;
    this.#current = null;
    if (m === null) return;
    bytesAfterUnmap(this.#state, m, range);
    this.#forget(m);
  }

  unmappedList(list: MappedList): void {
    this.#lists.delete(list.entries);
  }

  syncing(device: DmaDevice, kind: MapKind, range: MappedRange, towards: "cpu" | "device", entries: number): void {
    this.#current = this.#off(device) ? null : checkSync(this.#state, device, { kind, range, towards, entries });
  }

  synced(_device: DmaDevice, _kind: MapKind, range: MappedRange, towards: "cpu" | "device"): void {
    const m = this.#current;
    this.#current = null;
    if (m !== null) bytesAfterSync(this.#state, m, range, towards);
  }

  allocated(device: DmaDevice, _engine: Engine, at: Coherent, size: number): void {
    if (!this.#off(device)) checkAllocated(this.#state, device, at, size);
  }

  freeing(device: DmaDevice, at: Coherent, size: number): void {
    if (this.#off(device)) return;
    const range = { bus: at.bus, size, direction: Direction.bidirectional, attributes: 0 };
    const m = checkUnmap(this.#state, device, { kind: "coherent", range, entries: 0, phys: at.phys });
    if (m !== null) this.#forget(m);
  }

  errorChecked(device: DmaDevice, bus: number): void {
    for (const m of this.#state.live.at(device.bdf, bus)) {
      if (m.errorChecked) continue;
      m.errorChecked = true;
      return;
    }
  }

  unbound(device: DmaDevice): void {
    if (!this.#off(device)) checkUnbound(this.#state, device);
  }

  /** Notes the device, once for each run of calls, and says whether the checks have ended. */
  #off(device: DmaDevice): boolean {
    if (device.bdf !== this.#latest) {
      this.#latest = device.bdf;
      const requester = requesterOf(device.bdf);
      if (requester !== null) this.#state.devices.set(requester, device.bdf);
    }
    return this.#state.disabled;
  }

  #forget(m: Live): void {
    this.#state.live.remove(m);
    if (m.kind !== "coherent") this.#state.lines.leave(m.phys, m.direction, m.attributes);
  }
}

class WatchedMemory implements ByteMemory {
  readonly #inner: ByteMemory;
  readonly #state: CheckState;

  constructor(inner: ByteMemory, state: CheckState) {
    this.#inner = inner;
    this.#state = state;
  }

  read(address: number, into: Uint8Array): void {
    cpuAccess(this.#state, address, into.length, false);
    this.#inner.read(address, into);
  }

  write(address: number, from: Uint8Array): void {
    cpuAccess(this.#state, address, from.length, true);
    this.#inner.write(address, from);
  }

  copy(o: { readonly from: number; readonly to: number; readonly count: number }): void {
    cpuAccess(this.#state, o.from, o.count, false);
    cpuAccess(this.#state, o.to, o.count, true);
    this.#inner.copy(o);
  }
}

class WatchedPort implements DmaPort {
  readonly #inner: DmaPort;
  readonly #state: CheckState;

  constructor(inner: DmaPort, state: CheckState) {
    this.#inner = inner;
    this.#state = state;
  }

  read(requester: number, address: number, into: Uint8Array): DmaOutcome {
    const outcome = this.#inner.read(requester, address, into);
    this.#met(requester, { bus: address, bytes: into, writes: false, done: outcome === "done" });
    return outcome;
  }

  write(requester: number, address: number, from: Uint8Array): DmaOutcome {
    const outcome = this.#inner.write(requester, address, from);
    this.#met(requester, { bus: address, bytes: from, writes: true, done: outcome === "done" });
    return outcome;
  }

  /** A device that has never mapped anything is none of ours. */
  #met(requester: number, o: { bus: number; bytes: Uint8Array; writes: boolean; done: boolean }): void {
    const { devices, disabled, isTakenAway } = this.#state;
    const device = devices.get(requester);
    if (device === undefined || disabled || (!o.done && isTakenAway(requester))) return;
    deviceAccess(this.#state, { ...o, device });
  }
}
