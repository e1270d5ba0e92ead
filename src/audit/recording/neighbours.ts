/**
 * Who else lives in the pages of a new mapping: shared memory, and bytes that the device should not see.
 *
 * Looked at are the first and the last page of every mapping; overlaps deep inside two long mappings are not seen.
 */

import { frameBytes } from "../../base/frame.js";
import { bytesAround } from "./exposure.js";
import { suspect } from "./judge.js";
import { MappingKind, Reach } from "./mappings.js";
import { mayWrite } from "./shareable.js";
import type { AuditState } from "./state.js";
import { Suspicion } from "./waiting.js";

const pageBytes = frameBytes;

const neighboursMax = 64;
const cacheLine = 64;
/** A new mapping against the ones beside it. Coherent memory shows no physical address and is left out. */
export function looksAround(state: AuditState, m: number): void {
  const { live } = state;
  const phys = live.phys[m]!,
    size = live.size[m]!;
  if (Number.isNaN(phys) || !(size >= 1)) return;
  const reach = reachOf(state, live.device[m]!, live.dma[m]!, phys);
  live.reach[m] = reach;
  if (reach === Reach.unknown) state.recorded.offset(live.device[m]!, live.dma[m]! - phys);
  const partial = state.exposure.mapped(live.device[m]!, reach, phys, size);
  const first = Math.floor(phys / pageBytes),
    last = Math.floor((phys + size - 1) / pageBytes);
  visit(state, m, first, -1, partial);
  if (last !== first) visit(state, m, last, first, partial);
}

function reachOf(state: AuditState, device: number, dma: number, phys: number): Reach {
  if (Number.isNaN(dma)) return Reach.unknown;
  if (state.bounces.take(device, phys)) return Reach.bounced;
  if (dma === phys) return Reach.direct;
  return state.iommu && dma % pageBytes === phys % pageBytes ? Reach.translated : Reach.unknown;
}

/** @param seen a frame whose neighbours were looked at before, -1 for none: who lies there, too, is not met twice. */
function visit(state: AuditState, m: number, frame: number, seen: number, partial: boolean): void {
  const { live } = state;
  let node = live.firstNeighbour(frame);
  for (let step = 0; node !== -1 && step < neighboursMax; step++, node = live.nextNeighbour(node)) {
    const o = node >> 1;
    const first = Math.floor(live.phys[o]! / pageBytes),
      last = Math.floor((live.phys[o]! + live.size[o]! - 1) / pageBytes);
    // The chain holds other frames of the same hash, too.
    if (o === m || ((node & 1) === 0 ? first : last) !== frame || first === seen || last === seen) continue;
    checkOverlap(state, m, o);
    if (live.device[o]! === live.device[m]! && live.direction[o]! === live.direction[m]!) continue;
    if (partial) expose(state, m, o);
    if (live.reach[o] === Reach.translated && bytesAround(live.phys[o]!, live.size[o]!) > 0) expose(state, o, m);
  }
}

function expose(state: AuditState, m: number, other: number): void {
  state.exposure.shared(
    state.live.device[m]!,
    () => `the pages of this: ${state.describe(m)}; hold bytes of this: ${state.describe(other)}`,
  );
}

/** Linux kernel/dma/debug.c tracks the first cache line of every mapping that a device may write. */
function checkOverlap(state: AuditState, m: number, o: number): void {
  const { live, waiting } = state;
  if (!mayWrite(live.direction[m]!, live.attrs[m]!) || !mayWrite(live.direction[o]!, live.attrs[o]!)) return;
  if (live.kind[m] === MappingKind.coherent || live.kind[o] === MappingKind.coherent) return;
  const from = live.phys[m]!,
    fromOther = live.phys[o]!;
  const bytes = from < fromOther + live.size[o]! && fromOther < from + live.size[m]!;
  const line = Math.floor(from / cacheLine) === Math.floor(fromOther / cacheLine);
  if (!bytes && !line) return;
  const what = bytes ? Suspicion.overlap : Suspicion.overlapCacheLine;
  const i = suspect(state, what, live.device[m]!, live.dma[m]!, live.size[m]!, live.direction[m]!, live.time[m]!);
  waiting.phys[i] = from;
  waiting.other[i] = o;
  waiting.otherSerial[i] = live.serial[o]!;
}
