/**
 * GNTTABOP_unmap_grant_ref and its halves: first the mappings go and what was done is noted, then, after one flush for
 * the whole batch, references, pins and the granter's bits.
 * Source: Xen common/grant_table.c (unmap_common, unmap_common_complete, XSA-218, XSA-224, XSA-394).
 */
import { frameBytes } from "../../../base/frame.js";
import { GrantFlag } from "../../../spec/xen/grant_entry.js";
import { GrantStatus, MapFlag } from "../../../spec/xen/grant_op.js";
import { Reach } from "../hypervisor/cpu_map.js";
import type { Domain } from "../hypervisor/domain.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import { finish, type Steps } from "../steps.js";
import { letFrame, settled, unpin } from "./pin.js";
import { clearStatus } from "./status.js";

const pageBytes = frameBytes;

const halves = MapFlag.host | MapFlag.device;

export interface UnmapRequest {
  readonly handle: number;
  /** The page it is mapped at; -1 leaves the half for CPUs. */
  readonly page: number;
  /** The address that the map returned; 0 leaves the half for devices. */
  readonly bus: number;
}

/** What the first phase did and the second has to settle. */
interface Pending {
  readonly status: typeof GrantStatus.okay;
  readonly granter: Domain;
  readonly ref: number;
  readonly frame: number;
  readonly host: boolean;
  readonly device: boolean;
  readonly dropDevice: boolean;
  readonly readOnly: boolean;
  readonly handle: number;
  /** This unmap cleared the last half: the handle is its to free. */
  readonly last: boolean;
}

/** Nothing was done. */
interface Refused {
  readonly status: GrantStatus;
  readonly granter: null;
}

/** @returns a status for each request, in order. */
export function unmapGrants(h: Hypervisor, d: Domain, batch: readonly UnmapRequest[]): GrantStatus[] {
  const pending = batch.map((o) => {
    h.count("unmap_grant_ref");
    finish(settledFor(h, d, o.handle));
    return begin(h, d, o);
  });
  for (const p of pending) {
    if (p.granter !== null) finish(settled(p.granter.grants, p.ref));
    complete(h, d, p);
  }
  return pending.map((p) => p.status);
}

/** One unmap with the break between its phases. */
export function* unmapGrantSteps(h: Hypervisor, d: Domain, o: UnmapRequest): Steps<GrantStatus> {
  // Another may have unmapped it, and the handle have become another mapping's, while this one waited.
  if (!(yield* settledFor(h, d, o.handle))) return GrantStatus.badHandle;
  const p = begin(h, d, o);
  yield "the mapping is gone, the flush is not done";
  if (p.granter !== null) yield* settled(p.granter.grants, p.ref);
  complete(h, d, p);
  return p.status;
}

/** Wait for the entry behind a handle. @returns false when the handle has become another's meanwhile. */
function* settledFor(h: Hypervisor, d: Domain, handle: number): Steps<boolean> {
  const t = d.grants.tracked[handle];
  if (t === undefined) return true;
  const { domain, ref } = t;
  const granter = h.domains.get(domain);
  if (granter !== undefined) yield* settled(granter.grants, ref);
  return t.domain === domain && t.ref === ref;
}

function begin(h: Hypervisor, d: Domain, o: UnmapRequest): Pending | Refused {
  const t = d.grants.tracked[o.handle];
  if (t === undefined || (t.flags & halves) === 0) return nothing(GrantStatus.badHandle);
  const granter = h.domains.get(t.domain);
  const active = granter?.grants.active.get(t.ref);
  if (granter === undefined || active === undefined) return nothing(GrantStatus.badHandle);
  const { frame } = active;
  if (o.bus !== 0 && o.bus !== frame * pageBytes) return nothing(GrantStatus.badDevAddr);
  const readOnly = (t.flags & MapFlag.readOnly) !== 0;
  const host = o.page >= 0 && (t.flags & MapFlag.host) !== 0;
  if (host && !clearHost(d, o.page, frame)) return nothing(GrantStatus.generalError);
  const device = o.bus !== 0 && (t.flags & MapFlag.device) !== 0;
  const dropDevice = device || (h.bugs["zero-address-drops-references"] && (t.flags & MapFlag.device) !== 0);
  if (host) t.flags &= ~MapFlag.host;
  if (device) t.flags &= ~MapFlag.device;
  const last = (t.flags & halves) === 0;
  if (last) d.grants.letGo(frame, readOnly);
  if (last || h.bugs["device-count-on-half-unmap"]) d.devices?.ungrant(frame, readOnly);
  if (h.bugs["bits-cleared-early"] && last) {
    clearStatus(h, granter, t.ref, GrantFlag.reading | GrantFlag.writing);
  }
  const done = { granter, ref: t.ref, frame, host, device, dropDevice, readOnly, handle: o.handle, last };
  return { status: GrantStatus.okay, ...done };
}

function complete(h: Hypervisor, d: Domain, p: Pending | Refused): void {
  if (p.granter === null) return;
  const { granter, ref, frame, readOnly } = p;
  if (p.device) unpin(h, granter, ref, readOnly ? "deviceRead" : "deviceWrite");
  if (p.host) unpin(h, granter, ref, readOnly ? "hostRead" : "hostWrite");
  if (p.dropDevice) letFrame(h, frame, readOnly);
  if (p.host) letFrame(h, frame, readOnly);
  h.watch.unmapped({ mapper: d.id, granter: granter.id, frame, host: p.host, device: p.device, readOnly });
  const gone = (d.grants.tracked[p.handle]!.flags & halves) === 0;
  if (h.bugs["handle-freed-twice"] ? gone : p.last) d.grants.giveHandle(p.handle);
}

function clearHost(d: Domain, page: number, frame: number): boolean {
  if (d.map.frameOf(page) !== frame || (d.map.reachOf(page) & Reach.granted) === 0) return false;
  d.map.clear(page);
  return true;
}

const nothing = (status: GrantStatus): Refused => ({ status, granter: null });

/**
 * GNTTABOP_unmap_and_replace: the entry of the page goes from the foreign frame to another page's in one store.
 * @param from page whose frame stands there afterwards
 */
export function unmapAndReplace(h: Hypervisor, d: Domain, o: UnmapRequest, from: number): GrantStatus {
  h.count("unmap_and_replace");
  const frame = d.map.frameOf(from);
  if (frame < 0) return GrantStatus.badVirtAddr;
  finish(settledFor(h, d, o.handle));
  const p = begin(h, d, o);
  if (p.granter !== null && p.host) h.setMapping(d, o.page, frame);
  complete(h, d, p);
  return p.status;
}
