/**
 * A grant claimed for the time of a copy: pinned as a map pins it, but also for a part of a page, and through a grant
 * that is passed on from a third domain. For the latter the table's lock is let go between.
 * Source: Xen common/grant_table.c (acquire_grant_for_copy, release_grant_for_copy; XSA-226, XSA-500, XSA-501).
 */
import type { Mfn } from "../../../base/frame.js";
import { GrantFlag, GrantType, GrantV2Part, GrantV2Transitive } from "../../../spec/xen/grant_entry.js";
import { GrantStatus } from "../../../spec/xen/grant_op.js";
import type { Domain } from "../hypervisor/domain.js";
import { entryPlace } from "../hypervisor/grant_frames.js";
import { type Active, writePins } from "../hypervisor/grant_table.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import type { Steps } from "../steps.js";
import { entryAddress, loadField, statusAddress } from "./entry.js";
import { atLimit, fresh, grantedFrame, settled, unpin } from "./pin.js";
import { clearStatus, clearUse, setStatus } from "./status.js";

export interface Claim {
  readonly status: typeof GrantStatus.okay;
  /** The frame whose bytes are meant. */
  readonly frame: number;
  /** The frame on which the reference is. */
  readonly held: number;
  /** The granted part of it. */
  readonly offset: number;
  readonly length: number;
  readonly readOnly: boolean;
  /** Whose grant; null for the caller's own page. */
  readonly granter: Domain | null;
  readonly ref: number;
  /** The grant behind one that is passed on. */
  readonly inner: Claim | null;
  /** The gate knows of it: bytes outside the granted part are never touched. */
  readonly noted: boolean;
}

/** Why there is none. */
export interface Refused {
  readonly status: Exclude<GrantStatus, typeof GrantStatus.okay>;
}

export interface ClaimRequest {
  /** Who copies. */
  readonly domain: Domain;
  readonly granter: Domain;
  readonly ref: number;
  readonly readOnly: boolean;
  /** Bytes of the page that the copy will touch. */
  readonly offset: number;
  readonly length: number;
}

const usage = GrantFlag.reading | GrantFlag.writing;

/** @param passing grants that are passed on are followed; the second in a row is not. */
export function* claimForCopy(h: Hypervisor, o: ClaimRequest, passing: boolean): Steps<Claim | Refused> {
  const g = o.granter.grants;
  yield* settled(g, o.ref);
  g.readers++;
  g.entered.add(o.ref);
  const claim = yield* claimLocked(h, o, passing);
  g.entered.delete(o.ref);
  g.readers--;
  return claim;
}

function* claimLocked(h: Hypervisor, o: ClaimRequest, passing: boolean): Steps<Claim | Refused> {
  const { granter, ref, readOnly, domain } = o;
  const g = granter.grants;
  if (!Number.isInteger(ref) || ref < 0 || ref >= g.entryCount) return fail(GrantStatus.badGrantRef);
  const pinned = g.active.get(ref);
  if (pinned !== undefined && (pinned.grantee !== domain.id || atLimit(pinned))) return fail(GrantStatus.generalError);
  if (pinned === undefined || (!readOnly && writePins(pinned) === 0)) {
    const use = { granter, ref, grantee: domain.id, readOnly, map: false };
    const status = yield* setStatus(h, use, pinned);
    if (status !== GrantStatus.okay) return fail(status);
  }
  if (pinned !== undefined) return claimPinned(h, o, pinned);
  const entry = entryAddress(granter, ref);
  // Of version 1 no such entry was taken into use.
  if ((h.memory.load32(entry) & GrantFlag.typeMask) === GrantType.transitive) return yield* claimPassed(h, o, passing);
  const frame = grantedFrame(h, granter, ref);
  if (frame < 0 || !h.frames.getPage(frame, granter.id)) {
    clearStatus(h, granter, ref, usage);
    return fail(GrantStatus.badPage);
  }
  const active = fresh(domain.id, frame);
  if (g.version === 2 && (h.memory.load32(entry) & GrantFlag.subPage) !== 0) {
    active.subPage = true;
    active.offset = loadField(h.memory, entry, GrantV2Part.offset);
    // It may reach over the end of the page: a copy does not.
    active.length = loadField(h.memory, entry, GrantV2Part.length);
  }
  g.active.set(ref, active);
  return claimed(h, o, active, frame, null);
}

/** In use already: the active entry says which frame, whatever the shared one says by now. */
function claimPinned(h: Hypervisor, o: ClaimRequest, active: Active): Claim | Refused {
  if (active.passedFrom >= 0) return fail(GrantStatus.eagain);
  if (!h.frames.getPage(active.frame, h.frames.owner[active.frame]!)) return fail(GrantStatus.badPage);
  // XSA-500: the page of the shared entry, the frame number of the active one.
  const shared = h.bugs["shared-entry-after-pin"] ? grantedFrame(h, o.granter, o.ref) : -1;
  return claimed(h, o, active, shared >= 0 ? shared : active.frame, null);
}

function claimed(h: Hypervisor, o: ClaimRequest, active: Active, frame: number, inner: Claim | null): Claim {
  active[o.readOnly ? "hostRead" : "hostWrite"]++;
  const { granter, ref, readOnly } = o;
  const { offset, length } = active;
  const noted = o.offset >= offset && o.offset + o.length <= offset + length;
  const wanted = { ...effect(o, active.frame), offset: o.offset, length: o.length };
  if (noted) h.watch.mapped(wanted, entryPlace(h, granter, ref));
  return { status: GrantStatus.okay, frame, held: active.frame, offset, length, readOnly, granter, ref, inner, noted };
}

function* claimPassed(h: Hypervisor, o: ClaimRequest, passing: boolean): Steps<Claim | Refused> {
  const { granter, ref } = o;
  const entry = entryAddress(granter, ref);
  const from = h.domain(loadField(h.memory, entry, GrantV2Transitive.granter));
  const fromRef = loadField(h.memory, entry, GrantV2Transitive.ref);
  const { version } = granter.grants;
  const status = statusAddress(granter, ref);
  const undo = (code: Refused["status"]): Refused => {
    // XSA-501: the pointer of before the break is used although the status frame may be gone.
    if (h.bugs["version-unchecked-after-relock"]) clearUse(h.memory, status, usage);
    else if (granter.grants.version === version) clearStatus(h, granter, ref, usage);
    return fail(code);
  };
  if (!passing || from === undefined || from === granter) return undo(GrantStatus.generalError);
  granter.grants.readers--;
  granter.grants.entered.delete(ref);
  yield "the lock is let go for the grant behind";
  const inner = yield* claimForCopy(h, { ...o, domain: granter, granter: from, ref: fromRef }, false);
  yield* settled(granter.grants, ref);
  granter.grants.entered.add(ref);
  granter.grants.readers++;
  if (inner.status !== GrantStatus.okay) return undo(inner.status);
  const same = granter.grants.version === version && !granter.grants.active.has(ref);
  if (!same && !h.bugs["version-unchecked-after-relock"]) {
    yield* letClaim(h, granter, inner);
    return undo(GrantStatus.eagain);
  }
  const active = fresh(o.domain.id, inner.held);
  Object.assign(active, { offset: inner.offset, length: inner.length, subPage: true });
  Object.assign(active, { passedFrom: from.id, passedRef: fromRef });
  granter.grants.active.set(ref, active);
  h.frames.getPage(inner.held, h.frames.owner[inner.held]!);
  return claimed(h, o, active, inner.frame, inner);
}

/** The copy is over. */
export function* letClaim(h: Hypervisor, d: Domain, c: Claim): Steps<void> {
  if (c.granter !== null) {
    yield* settled(c.granter.grants, c.ref);
    unpin(h, c.granter, c.ref, c.readOnly ? "hostRead" : "hostWrite");
    const whose = { mapper: d.id, granter: c.granter.id, frame: c.held, host: true, device: false };
    if (c.noted) h.watch.unmapped({ ...whose, readOnly: c.readOnly });
    if (c.inner !== null) yield* letClaim(h, c.granter, c.inner);
  }
  h.put(c.held as Mfn);
}

const effect = (o: ClaimRequest, frame: number) => ({
  ...{ mapper: o.domain.id, granter: o.granter.id, frame },
  ...{ host: true, device: false, readOnly: o.readOnly },
});

const fail = (status: Refused["status"]): Refused => ({ status });
