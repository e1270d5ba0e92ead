/**
 * GNTTABOP_map_grant_ref: a domain maps a frame that another one grants it, for its CPUs, for devices, or both.
 * Source: Xen common/grant_table.c (map_grant_ref); reference behaviour of status codes by xen-project/xen.
 */
import { frameBytes } from "../../../base/frame.js";
import { GrantStatus, MapFlag } from "../../../spec/xen/grant_op.js";
import { isPage, Reach } from "../hypervisor/cpu_map.js";
import type { Domain } from "../hypervisor/domain.js";
import { entryPlace } from "../hypervisor/grant_frames.js";
import { noHandle } from "../hypervisor/grant_table.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import { finish, type Steps } from "../steps.js";
import { holdFrame, letFrame, type Pin, pinWhole, unpin } from "./pin.js";

const pageBytes = frameBytes;

export interface MapRequest {
  /** MapFlag bits. */
  readonly flags: number;
  readonly domain: number;
  readonly ref: number;
  /** The mapper's page to map at; not looked at without MapFlag.host. */
  readonly page: number;
}

export interface MapResult {
  readonly status: GrantStatus;
  readonly handle: number;
  /** Machine address of the frame; 0 unless okay. */
  readonly bus: number;
}

export function mapGrant(h: Hypervisor, d: Domain, o: MapRequest): MapResult {
  h.count("map_grant_ref");
  return finish(mapGrantSteps(h, d, o));
}

/** The same with its breaks. */
export function* mapGrantSteps(h: Hypervisor, d: Domain, o: MapRequest): Steps<MapResult> {
  const fail = (status: GrantStatus): MapResult => ({ status, handle: noHandle, bus: 0 });
  if ((o.flags & (MapFlag.device | MapFlag.host)) === 0) return fail(GrantStatus.badGrantRef);
  // Only domains whose page tables hold machine frames may ask for machine addresses of devices.
  if (d.rules.translated && h.arch === "x86" && (o.flags & (MapFlag.device | MapFlag.containsPte)) !== 0) {
    return fail(GrantStatus.generalError);
  }
  const granter = h.domain(o.domain, d);
  if (granter === undefined) return fail(GrantStatus.badDomain);
  const handle = d.grants.takeHandle();
  if (handle === noHandle) return fail(h.noHandleStatus);
  const status = yield* pinAndMap(h, d, granter, o);
  if (status.status !== GrantStatus.okay) {
    d.grants.giveHandle(handle);
    return fail(status.status);
  }
  const t = d.grants.tracked[handle]!;
  t.domain = granter.id;
  t.ref = o.ref;
  t.flags = o.flags & (MapFlag.device | MapFlag.host | MapFlag.readOnly);
  return { status: GrantStatus.okay, handle, bus: status.frame * pageBytes };
}

function* pinAndMap(
  h: Hypervisor,
  d: Domain,
  granter: Domain,
  o: MapRequest,
): Steps<{ readonly status: GrantStatus; readonly frame: number }> {
  const fail = (status: GrantStatus) => ({ status, frame: 0 });
  const { ref } = o;
  if (!Number.isInteger(ref) || ref < 0 || ref >= granter.grants.entryCount) return fail(GrantStatus.badGrantRef);
  const readOnly = (o.flags & MapFlag.readOnly) !== 0;
  const host = (o.flags & MapFlag.host) !== 0;
  const device = (o.flags & MapFlag.device) !== 0;
  const wanted = pinsFor(host, device, readOnly);
  const place = entryPlace(h, granter, ref);
  const pin = yield* pinWhole(h, { granter, ref, grantee: d.id, readOnly, map: true }, wanted);
  if (pin.active === null) return fail(pin.status);
  const { frame } = pin.active;
  const undo = (): { readonly status: GrantStatus; readonly frame: number } => {
    for (const name of wanted) unpin(h, granter, ref, name);
    return fail(GrantStatus.generalError);
  };
  if (device && !holdFrame(h, frame, granter, readOnly)) return undo();
  if (host && !(holdFrame(h, frame, granter, readOnly) && mapHost(h, d, o.page, frame, readOnly))) {
    if (device) letFrame(h, frame, readOnly);
    return undo();
  }
  d.devices?.grant(frame, readOnly);
  d.grants.hold(frame, readOnly);
  h.watch.mapped({ mapper: d.id, granter: granter.id, frame, host, device, readOnly }, place);
  return { status: GrantStatus.okay, frame };
}

function pinsFor(host: boolean, device: boolean, readOnly: boolean): readonly Pin[] {
  const both: Pin[] = [];
  if (host) both.push(readOnly ? "hostRead" : "hostWrite");
  if (device) both.push(readOnly ? "deviceRead" : "deviceWrite");
  return both;
}

/** Put the frame at a page of the mapper. The reference on the frame is the caller's. @returns false for no such page. */
function mapHost(h: Hypervisor, d: Domain, page: number, frame: number, readOnly: boolean): boolean {
  if (!isPage(h, page)) {
    letFrame(h, frame, readOnly);
    return false;
  }
  h.dropMapping(d, page);
  d.map.set(page, frame, Reach.present | Reach.granted | (readOnly ? 0 : Reach.writable));
  return true;
}
