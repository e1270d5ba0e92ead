/** Single mappings and coherent allocations: map, unmap, allocate, free. */

import { failedAddress } from "../../read/event.js";
import { Direction } from "../../spec/dma/direction.js";
import { mappingBytesMax } from "../../spec/swiotlb/sizes.js";
import { hex } from "../why/words.js";
import { judgeOldest } from "./judge.js";
import { kindNames, MappingKind, type Reach } from "./mappings.js";
import { looksAround } from "./neighbours.js";
import { type AuditState, directionName, seconds } from "./state.js";
import { Suspicion } from "./waiting.js";

/** An address that stands for nothing: a failed mapping, or none in the event. */
export const isNoAddress = (dma: number): boolean => dma === failedAddress || Number.isNaN(dma);

export function map(
  state: AuditState,
  device: number,
  dma: number,
  phys: number,
  size: number,
  direction: number,
  attrs: number,
  time: number,
): void {
  state.maps++;
  if (direction === Direction.none) {
    state.broken(
      "map-direction",
      device,
      time,
      () => `${size} bytes at physical ${hex(phys)}, mapped at ${seconds(time)}`,
    );
  }
  if (isNoAddress(dma)) {
    state.failed++;
    return;
  }
  if (state.waiting.count > 0 && unmappedAlready(state, Suspicion.unmap, device, dma)) return;
  const m = state.live.add(MappingKind.single, device, dma, phys, size, direction, attrs, time);
  if (m === -1) {
    state.beyond++;
    return;
  }
  state.born(m, size, time);
  noticeOther(state, m);
  looksAround(state, m);
}

export function unmap(
  state: AuditState,
  device: number,
  dma: number,
  size: number,
  direction: number,
  time: number,
): void {
  state.unmaps++;
  release(state, MappingKind.single, device, dma, size, direction, time);
}

export function allocate(
  state: AuditState,
  device: number,
  dma: number,
  size: number,
  attrs: number,
  time: number,
): void {
  state.allocations++;
  // A failed allocation shows address 0 since 2025, all ones before.
  if (isNoAddress(dma) || dma === 0) {
    state.failed++;
    return;
  }
  if (state.waiting.count > 0 && unmappedAlready(state, Suspicion.free, device, dma)) return;
  // The direction of an allocation is not set by every kernel that prints it: it is not used.
  const m = state.live.add(MappingKind.coherent, device, dma, Number.NaN, size, Direction.bidirectional, attrs, time);
  if (m === -1) state.beyond++;
  else state.born(m, size, time);
}

export function free(state: AuditState, device: number, dma: number, size: number, time: number): void {
  state.unmaps++;
  release(state, MappingKind.coherent, device, dma, size, Direction.bidirectional, time);
}

/** A bounce buffer larger than any that exists was asked for. */
export function bounced(state: AuditState, device: number, phys: number, size: number, time: number): void {
  if (size <= mappingBytesMax) return;
  state.broken(
    "bounce-size",
    device,
    time,
    () =>
      `${size} bytes at physical ${hex(phys)}, asked for at ${seconds(time)}; the kernel refuses it, and says the pool is full`,
  );
}

function release(
  state: AuditState,
  kind: MappingKind,
  device: number,
  dma: number,
  size: number,
  direction: number,
  time: number,
): void {
  const { live } = state;
  if (dma === failedAddress) {
    state.broken(
      "unmap-error-value",
      device,
      time,
      () => `${size} bytes, ${directionName(direction)}, unmapped at ${seconds(time)}`,
    );
    return;
  }
  const m = live.at(device, dma, kind, size, direction);
  if (m === -1) {
    state.suspect(
      kind === MappingKind.coherent ? Suspicion.free : Suspicion.unmap,
      device,
      dma,
      size,
      direction,
      time,
      judgeOldest,
    );
    return;
  }
  compare(state, m, kind, size, direction, time);
  // An entry of a list ends with its list: taking it out alone would hide the rest.
  if (live.kind[m] === MappingKind.list) return;
  state.gone.add(device, dma, live.size[m]!, live.direction[m]!, live.time[m]!, time);
  if (!Number.isNaN(live.phys[m]!))
    state.exposure.unmapped(device, live.reach[m] as Reach, live.phys[m]!, live.size[m]!);
  state.ended(m, time);
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
      () => `${state.describe(m)}, unmapped with ${size} bytes at ${seconds(time)}`,
    );
  }
  if (kind === MappingKind.single && live.direction[m]! !== direction) {
    state.broken(
      "unmap-direction",
      device,
      time,
      () => `${state.describe(m)}, unmapped as ${directionName(direction)} at ${seconds(time)}`,
    );
  }
}

/** The unmap event of this very mapping was read before the map event: clocks of two CPUs differ. */
function unmappedAlready(state: AuditState, what: Suspicion, device: number, dma: number): boolean {
  return state.waiting.settle(what, device, dma) !== -1;
}

/**
 * Another mapping is alive at the same bus address. The same memory mapped twice is allowed where bus addresses are
 * physical ones; two memories behind one address are not.
 */
export function noticeOther(state: AuditState, m: number): void {
  const { live, waiting } = state;
  const other = live.other(m);
  if (
    other === -1 ||
    live.phys[other]! === live.phys[m]! ||
    Number.isNaN(live.phys[m]!) ||
    Number.isNaN(live.phys[other]!)
  )
    return;
  const i = state.suspect(
    Suspicion.mapOverLive,
    live.device[m]!,
    live.dma[m]!,
    live.size[m]!,
    live.direction[m]!,
    live.time[m]!,
    judgeOldest,
  );
  waiting.phys[i] = live.phys[m]!;
  waiting.other[i] = other;
  waiting.otherSerial[i] = live.serial[other]!;
}
