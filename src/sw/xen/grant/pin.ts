/**
 * Active entries: what a grant was when it came into use. From the first pin to the last this, and not the shared
 * entry, says which frame is meant.
 * Source: Xen common/grant_table.c (active_grant_entry, get_paged_frame, reduce_status_for_pin).
 */

import { frameBytes, type Mfn } from "../../../base/frame.js";
import { GrantFlag, GrantV1, GrantV2 } from "../../../spec/xen/grant_entry.js";
import { GrantStatus } from "../../../spec/xen/grant_op.js";
import { pinMax } from "../../../spec/xen/limits.js";
import type { Domain } from "../hypervisor/domain.js";
import { FrameType } from "../hypervisor/frame_table.js";
import { type Active, type GrantTable, pins, writePins } from "../hypervisor/grant_table.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import type { Steps } from "../steps.js";
import { entryAddress, loadField } from "./entry.js";
import { clearStatus, setStatus, type Use } from "./status.js";

export type Pin = "hostRead" | "hostWrite" | "deviceRead" | "deviceWrite";

/** The number of a frame that an entry names. */
export function entryFrame(h: Hypervisor, granter: Domain, ref: number): number {
  const field = granter.grants.version === 1 ? GrantV1.frame : GrantV2.frame;
  return loadField(h.memory, entryAddress(granter, ref), field);
}

/** The frame is on its way back into memory; each ask brings it nearer. */
function isPagedOut(h: Hypervisor, granter: Domain, ref: number): boolean {
  if (granter.pagedOut.size === 0) return false;
  const gfn = entryFrame(h, granter, ref);
  const left = granter.pagedOut.get(gfn);
  if (left === undefined) return false;
  if (left > 1) granter.pagedOut.set(gfn, left - 1);
  else granter.pagedOut.delete(gfn);
  return true;
}

/** The machine frame that an entry means now, when its granter may give it. -1: none. */
export function grantedFrame(h: Hypervisor, granter: Domain, ref: number): number {
  const m = h.frameOfGfn(granter, entryFrame(h, granter, ref));
  return h.frames.ownedBy(m, granter.id) ? m : -1;
}

/** What pinning ends with: okay and the active entry, or the status of the operation. */
export interface Pinned {
  readonly status: GrantStatus;
  readonly active: Active | null;
}

/** Wait for an entry until nobody is inside of it (active_entry_acquire). */
export function* settled(g: GrantTable, ref: number): Steps<void> {
  while (g.entered.has(ref)) yield "waits for the entry";
}

/** Pin an entry for a whole page: status bits, active entry, one count for each of `wanted`. */
export function* pinWhole(h: Hypervisor, use: Use, wanted: readonly Pin[]): Steps<Pinned> {
  const g = use.granter.grants;
  yield* settled(g, use.ref);
  g.readers++;
  g.entered.add(use.ref);
  const pinned = yield* pinLocked(h, use, wanted);
  g.entered.delete(use.ref);
  g.readers--;
  return pinned;
}

function* pinLocked(h: Hypervisor, use: Use, wanted: readonly Pin[]): Steps<Pinned> {
  const g = use.granter.grants;
  const fail = (status: GrantStatus) => ({ status, active: null });
  let active = g.active.get(use.ref);
  if (active !== undefined) {
    if (active.grantee !== use.grantee || active.subPage) return fail(GrantStatus.generalError);
    if (atLimit(active)) return fail(GrantStatus.generalError);
  }
  if (active === undefined || (!use.readOnly && writePins(active) === 0)) {
    const status = yield* setStatus(h, use, active);
    // The moved bracket of 2020: what comes back is the outcome of a comparison.
    if (status !== GrantStatus.okay) return fail(h.bugs["positive-status"] ? (1 as GrantStatus) : status);
  }
  if (active === undefined) {
    const away = isPagedOut(h, use.granter, use.ref);
    const frame = grantedFrame(h, use.granter, use.ref);
    if (away || frame < 0) {
      clearStatus(h, use.granter, use.ref, GrantFlag.reading | GrantFlag.writing);
      return fail(away ? GrantStatus.eagain : GrantStatus.badPage);
    }
    active = fresh(use.grantee, frame);
    g.active.set(use.ref, active);
  }
  for (const name of wanted) active[name]++;
  return { status: GrantStatus.okay, active };
}

export function fresh(grantee: number, frame: number): Active {
  // Written out: an object put together from parts takes ten times as long, and maps are hot.
  return {
    hostRead: 0,
    hostWrite: 0,
    deviceRead: 0,
    deviceWrite: 0,
    grantee,
    frame,
    offset: 0,
    length: frameBytes,
    subPage: false,
    passedFrom: -1,
    passedRef: -1,
  };
}

/** Whatever is added next, a counter could overflow. */
export const atLimit = (a: Active): boolean =>
  a.hostRead >= pinMax || a.hostWrite >= pinMax || a.deviceRead >= pinMax || a.deviceWrite >= pinMax;

/** Drop one count, and with the last of a kind the bits that the granter sees. */
export function unpin(h: Hypervisor, granter: Domain, ref: number, name: Pin): void {
  const active = granter.grants.active.get(ref);
  if (active === undefined || active[name] === 0) return;
  active[name]--;
  const devicesCount = !h.bugs["bits-cleared-with-device-pins"];
  const writers = devicesCount ? writePins(active) : active.hostWrite;
  const users = devicesCount ? pins(active) : active.hostRead + active.hostWrite;
  const flags = (writers === 0 ? GrantFlag.writing : 0) | (users === 0 ? GrantFlag.reading : 0);
  if (flags !== 0) clearStatus(h, granter, ref, flags);
  if (pins(active) === 0) granter.grants.active.delete(ref);
}

/** One reference on a granted frame, typed when it is for writing. @returns false when it cannot be had. */
export function holdFrame(h: Hypervisor, frame: number, granter: Domain, readOnly: boolean): boolean {
  if (!h.frames.getPage(frame, granter.id)) return false;
  if (readOnly || h.frames.getType(frame, FrameType.writable)) return true;
  h.put(frame as Mfn);
  return false;
}

export function letFrame(h: Hypervisor, frame: number, readOnly: boolean): void {
  if (!readOnly) h.frames.putType(frame);
  h.put(frame as Mfn);
}
