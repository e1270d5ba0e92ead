/** Single mappings and coherent allocations: map, unmap, allocate, free. Each function takes event i of a batch. */
import { plural } from "../../base/count_words.js";
import { hex } from "../../base/hex.js";
import { type EventBatch, failedAddress } from "../../read/event.js";
import { Direction } from "../../spec/dma/direction.js";
import { mappingBytesMax } from "../../spec/swiotlb/sizes.js";
import { suspect } from "./judge.js";
import { kindNames, MappingKind, type Reach } from "./mappings.js";
import { looksAround } from "./neighbours.js";
import type { AuditState } from "./state.js";
import { Suspicion } from "./waiting.js";
import { directionName, seconds } from "./words.js";

/** An address that stands for nothing: a failed mapping, or none in the event. */
export const isNoAddress = (dma: number): boolean => dma === failedAddress || Number.isNaN(dma);

export function map(state: AuditState, batch: EventBatch, i: number): void {
  state.maps++;
  const device = batch.device[i]!,
    dma = batch.dma[i]!,
    size = batch.size[i]!,
    time = batch.time[i]!;
  const direction = batch.direction[i]!,
    phys = batch.phys[i]!;
  if (direction === Direction.none) {
    state.broken(
      "map-direction",
      device,
      time,
      () => `${plural(size, "byte")} at physical ${hex(phys)}, mapped at ${seconds(time)}`,
    );
  }
  if (isNoAddress(dma)) {
    state.failed++;
    return;
  }
  if (unmappedAlready(state, Suspicion.unmap, device, dma)) return;
  if (mappedAgain(state, device, dma, phys, size, direction, batch.attrs[i]!, time)) return;
  const m = state.live.add(MappingKind.single, device, dma, phys, size, direction, batch.attrs[i]!, time);
  if (m === -1) {
    state.beyond++;
    return;
  }
  state.born(m, size, time);
  noticeOther(state, m);
  looksAround(state, m);
}

/** The very same mapping, made once more: it is counted, and must be seen to end as often. */
function mappedAgain(
  state: AuditState,
  device: number,
  dma: number,
  phys: number,
  size: number,
  direction: number,
  attrs: number,
  time: number,
): boolean {
  const { live, waiting } = state;
  const m = live.same(device, dma, phys, size, direction, attrs);
  if (m === -1) return false;
  live.again[m]!++;
  state.population.change(live.group[m]!, 1, time);
  state.exposure.mapped(device, live.reach[m] as Reach, phys, size);
  const i = suspect(state, Suspicion.overlap, device, dma, size, direction, time);
  waiting.phys[i] = phys;
  waiting.other[i] = m;
  waiting.otherSerial[i] = live.serial[m]!;
  waiting.again[i] = 1;
  return true;
}

export function allocate(state: AuditState, batch: EventBatch, i: number): void {
  state.allocations++;
  const device = batch.device[i]!,
    dma = batch.dma[i]!,
    size = batch.size[i]!,
    time = batch.time[i]!;
  // A failed allocation shows address 0 since 2025, all ones before.
  if (isNoAddress(dma) || dma === 0) {
    state.failed++;
    return;
  }
  if (unmappedAlready(state, Suspicion.free, device, dma)) return;
  // The direction of an allocation is not set by every kernel that prints it: it is not used.
  const m = state.live.add(
    MappingKind.coherent,
    device,
    dma,
    Number.NaN,
    size,
    Direction.bidirectional,
    batch.attrs[i]!,
    time,
  );
  if (m === -1) state.beyond++;
  else state.born(m, size, time);
}

export function unmap(state: AuditState, batch: EventBatch, i: number): void {
  state.unmaps++;
  release(state, MappingKind.single, batch, i, batch.direction[i]!);
}

export function free(state: AuditState, batch: EventBatch, i: number): void {
  // An allocation that there never was: the kernel writes the event and does nothing (dma_free_attrs).
  if (batch.size[i] === 0 && batch.dma[i] === 0) return;
  state.unmaps++;
  release(state, MappingKind.coherent, batch, i, Direction.bidirectional);
}

/** A request for a bounce buffer; larger than any that exists, it is a broken rule. */
export function bounced(state: AuditState, batch: EventBatch, i: number): void {
  const device = batch.device[i]!,
    address = batch.dma[i]!,
    size = batch.size[i]!,
    time = batch.time[i]!;
  state.bounces.add(device, address);
  state.recorded.mustUnmap(device);
  if (!(size > mappingBytesMax)) return;
  state.broken("bounce-size", device, time, () => {
    return (
      `${plural(size, "byte")} at ${hex(address)}, asked for at ${seconds(time)}; the kernel refuses it, and says ` +
      `the pool is full`
    );
  });
}

function release(state: AuditState, kind: MappingKind, batch: EventBatch, i: number, direction: number): void {
  const { live } = state;
  const device = batch.device[i]!,
    dma = batch.dma[i]!,
    size = batch.size[i]!,
    time = batch.time[i]!;
  if (dma === failedAddress) {
    state.broken(
      "unmap-error-value",
      device,
      time,
      () => `${plural(size, "byte")}, ${directionName(direction)}, unmapped at ${seconds(time)}`,
    );
    return;
  }
  if (Number.isNaN(dma)) return;
  state.recorded.unmapped(device, kind, time);
  const m = live.at(device, dma, kind, size, direction, state.ends(time));
  if (m === -1) {
    const what = kind === MappingKind.coherent ? Suspicion.free : Suspicion.unmap;
    const w = suspect(state, what, device, dma, size, direction, time);
    state.waiting.attrs[w] = batch.attrs[i]!;
    return;
  }
  compare(state, m, kind, size, direction, time);
  // An entry of a list ends with its list: taking it out alone would hide the rest.
  if (live.kind[m] !== MappingKind.list) end(state, m, time, batch.task[i]!, !live.ambiguous);
}

/**
 * A single mapping or an allocation ends, or one of several that are the very same.
 * @param sure whether the end can be no other mapping's
 */
export function end(state: AuditState, m: number, time: number, task: number, sure: boolean): void {
  const { live } = state;
  const device = live.device[m]!,
    phys = live.phys[m]!,
    size = live.size[m]!;
  const coherent = live.kind[m] === MappingKind.coherent;
  state.gone.add(device, live.dma[m]!, size, live.direction[m]!, live.time[m]!, time, task, coherent);
  if (!Number.isNaN(phys)) state.exposure.unmapped(device, live.reach[m] as Reach, phys, size);
  state.ended(m, time);
  if (live.again[m]! > 0) {
    live.again[m]!--;
    return;
  }
  state.endShows(m, sure);
  live.remove(m);
}

/** What the unmap says against what the mapping was. */
function compare(state: AuditState, m: number, kind: MappingKind, size: number, direction: number, time: number): void {
  const { live } = state;
  if (live.time[m]! <= state.lostAt) return;
  const device = live.device[m]!;
  if (live.kind[m]! !== kind) {
    state.broken(
      "unmap-kind",
      device,
      time,
      () => `${state.describe(m)}, unmapped as ${kindNames[kind]} at ${seconds(time)}`,
    );
    return;
  }
  if (live.size[m]! !== size) {
    state.broken(
      "unmap-size",
      device,
      time,
      () => `${state.describe(m)}, unmapped with ${plural(size, "byte")} at ${seconds(time)}`,
    );
  }
  if (live.direction[m]! !== direction) {
    state.broken("unmap-direction", device, time, () => {
      return `${state.describe(m)}, unmapped as ${directionName(direction)} at ${seconds(time)}`;
    });
  }
}

/** The unmap event of this very mapping was read before the map event: clocks of two CPUs differ. */
function unmappedAlready(state: AuditState, what: Suspicion, device: number, dma: number): boolean {
  return state.waiting.count > 0 && state.waiting.settle(what, device, dma) !== -1;
}

/**
 * Another mapping is alive at the same bus address. The same memory mapped twice is allowed where bus addresses are
 * physical ones; two memories behind one address are not.
 */
export function noticeOther(state: AuditState, m: number): void {
  const { live, waiting } = state;
  const other = live.other(m);
  if (other === -1) return;
  const phys = live.phys[m]!,
    physOther = live.phys[other]!;
  if (physOther === phys || Number.isNaN(phys) || Number.isNaN(physOther)) return;
  const { device, dma, size, direction, time } = live;
  const i = suspect(state, Suspicion.mapOverLive, device[m]!, dma[m]!, size[m]!, direction[m]!, time[m]!);
  waiting.phys[i] = phys;
  waiting.other[i] = other;
  waiting.otherSerial[i] = live.serial[other]!;
}
