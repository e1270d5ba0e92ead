/**
 * Lists: dma_map_sg and dma_unmap_sg.
 *
 * The unmap event carries physical addresses only, so lists are joined by device and physical addresses. The map
 * event shows 128 entries at most (since 2026), the unmap event all: what is compared is the first 128, and the
 * number of entries.
 */
import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { EventBatch } from "../../read/event.js";
import { Direction } from "../../spec/dma/direction.js";
import { suspect } from "./judge.js";
import { type Ends, MappingKind, type Reach } from "./mappings.js";
import { looksAround } from "./neighbours.js";
import { end, isNoAddress, noticeOther } from "./singles.js";
import type { AuditState } from "./state.js";
import { Suspicion } from "./waiting.js";
import { directionName, seconds } from "./words.js";

const pageBytes = frameBytes;

const entriesShown = 128;

/** A hash over the first 128 physical addresses of event i. */
function checkOf(batch: EventBatch, i: number): number {
  const first = batch.physFirst[i]!,
    count = Math.min(entriesShown, batch.physCount[i]!);
  let h = 0;
  for (let k = first; k < first + count; k++) {
    const phys = batch.listPhys[k]!;
    h = Math.imul(h ^ (phys | 0) ^ Math.imul((phys / 2 ** 32) | 0, 0x85ebca6b), 0x9e3779b1);
    h ^= h >>> 15;
  }
  return h >>> 0;
}

const entriesOf = (batch: EventBatch, i: number): number => Math.max(batch.physTotal[i]!, batch.physCount[i]!);

export function mapList(state: AuditState, batch: EventBatch, i: number): void {
  state.lists++;
  const device = batch.device[i]!,
    direction = batch.direction[i]!,
    attrs = batch.attrs[i]!,
    time = batch.time[i]!;
  if (direction === Direction.none)
    state.broken("map-direction", device, time, () => `a list mapped at ${seconds(time)}`);
  if (batch.physCount[i] === 0) return;
  const phys0 = batch.listPhys[batch.physFirst[i]!]!;
  if (state.waiting.count > 0 && state.waiting.settle(Suspicion.unmapList, device, phys0) !== -1) return;
  // An IOMMU may join pieces: then which bus range belongs to which physical one is not in the event.
  const joined = batch.dmaCount[i] !== batch.physCount[i],
    pieces = Math.max(1, batch.dmaCount[i]!);
  if (joined) state.joined++;
  let first = -1,
    last = -1,
    bytes = 0;
  for (let k = 0; k < pieces; k++) {
    const dma = batch.dmaCount[i] === 0 ? Number.NaN : batch.listDma[batch.dmaFirst[i]! + k]!;
    const size = batch.dmaCount[i] === 0 ? Number.NaN : batch.listSize[batch.dmaFirst[i]! + k]!;
    const phys = joined ? Number.NaN : batch.listPhys[batch.physFirst[i]! + k]!;
    const m = state.live.add(
      MappingKind.list,
      device,
      isNoAddress(dma) ? Number.NaN : dma,
      phys,
      size,
      direction,
      attrs,
      time,
    );
    if (m === -1) {
      state.beyond++;
      break;
    }
    if (!Number.isNaN(size)) bytes += size;
    if (first === -1) first = m;
    else state.live.nextInList[last] = m;
    last = m;
    if (!Number.isNaN(dma)) noticeOther(state, m);
    looksAround(state, m);
  }
  if (first === -1) return;
  state.live.nameList(first, entriesOf(batch, i), bytes, phys0, checkOf(batch, i));
  state.born(first, bytes, time);
}

export function unmapList(state: AuditState, batch: EventBatch, i: number): void {
  state.unmaps++;
  const device = batch.device[i]!,
    direction = batch.direction[i]!,
    time = batch.time[i]!;
  if (batch.physCount[i] === 0) return;
  const phys0 = batch.listPhys[batch.physFirst[i]!]!,
    entries = entriesOf(batch, i);
  state.recorded.unmapped(device, MappingKind.list, time);
  const list = meant(state, device, phys0, entries, checkOf(batch, i), direction, state.ends(time));
  const sure = !state.live.ambiguous;
  if (list === -1) {
    if (entries === 1 && unmapSingle(state, device, phys0, time, batch.task[i]!)) return;
    suspect(state, Suspicion.unmapList, device, phys0, entries, direction, time);
    return;
  }
  compare(state, list, entries, direction, time);
  const { live } = state;
  const mapped = live.time[list]!;
  state.goneLists.add(device, phys0, live.entries[list]!, live.direction[list]!, mapped, time, batch.task[i]!, false);
  for (let m = list; m !== -1; m = live.nextInList[m]!) {
    if (!Number.isNaN(live.dma[m]!))
      state.gone.add(
        device,
        live.dma[m]!,
        live.size[m]!,
        live.direction[m]!,
        live.time[m]!,
        time,
        batch.task[i]!,
        false,
      );
    state.endShows(m, sure);
    if (!Number.isNaN(live.phys[m]!))
      state.exposure.unmapped(device, live.reach[m] as Reach, live.phys[m]!, live.size[m]!);
  }
  state.ended(list, time);
  live.removeList(list);
}

/**
 * The list that an unmap means: one that shows the same addresses, in the same direction if there is one, and of
 * several alike the one that `LiveMappings.among` says. A list with the same beginning and another number of
 * entries is meant only when nothing else begins there.
 */
function meant(
  state: AuditState,
  device: number,
  phys0: number,
  entries: number,
  check: number,
  direction: number,
  ends: Ends,
): number {
  const { live } = state;
  let oldest = -1,
    newest = -1,
    bestScore = -1,
    others = 0,
    other = -1;
  for (let list = live.firstList(device, phys0); list !== -1; list = live.nextList(list)) {
    if (live.entries[list]! !== entries) {
      others++;
      other = list;
      continue;
    }
    if (live.listCheck[list]! !== check) continue;
    const score = live.direction[list]! === direction ? 1 : 0;
    if (score < bestScore) continue;
    if (score > bestScore || live.serial[list]! < live.serial[oldest]!) oldest = list;
    if (score > bestScore || live.serial[list]! > live.serial[newest]!) newest = list;
    bestScore = score;
  }
  const best = live.among(oldest, newest, ends);
  return best !== -1 || others !== 1 ? best : other;
}

function compare(state: AuditState, list: number, entries: number, direction: number, time: number): void {
  const { live } = state;
  if (live.time[list]! <= state.lostAt) return;
  const what = (): string =>
    `${directionName(live.direction[list]!)} list of ` +
    `${live.entries[list]! === 1 ? "1 entry" : `${live.entries[list]!} entries`}, ${live.listBytes[list]!} bytes, ` +
    `first physical address ${hex(live.listPhys[list]!)}, of ${state.deviceName(live.device[list]!)}, mapped at ` +
    `${seconds(live.time[list]!)}`;
  if (live.entries[list]! !== entries) {
    state.broken(
      "unmap-entries",
      live.device[list]!,
      time,
      () => `${what()}, unmapped with ${entries} at ${seconds(time)}`,
    );
  }
  if (live.direction[list]! !== direction) {
    state.broken(
      "unmap-direction",
      live.device[list]!,
      time,
      () => `${what()}, unmapped as ${directionName(direction)} at ${seconds(time)}`,
    );
  }
}

/** A single mapping unmapped as a list of one. @returns false when no single mapping begins there. */
function unmapSingle(state: AuditState, device: number, phys: number, time: number, task: number): boolean {
  const { live } = state;
  let node = live.firstNeighbour(Math.floor(phys / pageBytes));
  for (let step = 0; node !== -1 && step < 64; step++, node = live.nextNeighbour(node)) {
    const m = node >> 1;
    if (live.phys[m]! !== phys || live.device[m]! !== device || live.kind[m]! !== MappingKind.single) continue;
    if (live.time[m]! > state.lostAt) {
      state.broken("unmap-kind", device, time, () => `${state.describe(m)}, unmapped as a list at ${seconds(time)}`);
    }
    end(state, m, time, task, true);
    return true;
  }
  return false;
}
