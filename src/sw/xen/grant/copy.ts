/**
 * GNTTABOP_copy: the hypervisor copies bytes inside one page to bytes inside one page; each end is a page of the
 * caller's or a grant.
 * Source: Xen common/grant_table.c (gnttab_copy_one, gnttab_copy_buf).
 */
import { frameBytes } from "../../../base/frame.js";
import { CopyFlag, domainSelf, GrantStatus } from "../../../spec/xen/grant_op.js";
import type { Domain } from "../hypervisor/domain.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import { finish, type Steps } from "../steps.js";
import { type Claim, claimForCopy, letClaim, type Refused } from "./claim.js";

export interface CopyEnd {
  readonly domain: number;
  /** A grant reference or a frame number of the domain, as the flags say. */
  readonly at: number;
  /** First byte in the page. */
  readonly offset: number;
}

export interface CopyRequest {
  readonly source: CopyEnd;
  readonly dest: CopyEnd;
  readonly length: number;
  /** CopyFlag bits. */
  readonly flags: number;
}

const pageBytes = frameBytes;

export function copyGrant(h: Hypervisor, d: Domain, o: CopyRequest): GrantStatus {
  h.count("grant_copy");
  return finish(copyGrantSteps(h, d, o));
}

/** The same with its breaks: after each claim, and before the bytes move. */
export function* copyGrantSteps(h: Hypervisor, d: Domain, o: CopyRequest): Steps<GrantStatus> {
  if (o.length === 0) return GrantStatus.okay;
  const sourceRef = (o.flags & CopyFlag.sourceRef) !== 0;
  const destRef = (o.flags & CopyFlag.destRef) !== 0;
  const source = yield* claimEnd(h, d, o.source, { byRef: sourceRef, readOnly: true, length: o.length });
  if (source.status !== GrantStatus.okay) return source.status;
  const dest = yield* claimEnd(h, d, o.dest, { byRef: destRef, readOnly: false, length: o.length });
  if (dest.status !== GrantStatus.okay) {
    yield* letClaim(h, d, source);
    return dest.status;
  }
  yield "both ends are claimed";
  const status = copyBytes(h, d, o, source, dest);
  yield* letClaim(h, d, dest);
  yield* letClaim(h, d, source);
  return status;
}

function* claimEnd(
  h: Hypervisor,
  d: Domain,
  end: CopyEnd,
  how: { readonly byRef: boolean; readonly readOnly: boolean; readonly length: number },
): Steps<Claim | Refused> {
  const self = end.domain === domainSelf || end.domain === d.id;
  if (!how.byRef && !self) return refused(GrantStatus.permissionDenied);
  const owner = h.domain(end.domain, d);
  if (owner === undefined) return refused(GrantStatus.badDomain);
  const claim = { ...how, offset: end.offset };
  if (how.byRef) return yield* claimForCopy(h, { domain: d, granter: owner, ref: end.at, ...claim }, true);
  const frame = Number.isInteger(end.at) ? h.frameOfGfn(d, end.at) : -1;
  if (!h.frames.getPage(frame, d.id)) return refused(GrantStatus.badPage);
  const whole = { offset: 0, length: pageBytes, granter: null, ref: -1, inner: null, noted: false };
  return { status: GrantStatus.okay, frame, held: frame, readOnly: how.readOnly, ...whole };
}

function copyBytes(h: Hypervisor, d: Domain, o: CopyRequest, source: Claim, dest: Claim): GrantStatus {
  for (const end of [o.source, o.dest]) {
    const whole = Number.isInteger(end.offset) && Number.isInteger(o.length) && end.offset >= 0 && o.length > 0;
    if (!whole || end.offset + o.length > pageBytes) return GrantStatus.badCopyArg;
  }
  if (!inside(o.source.offset, o.length, source) || !inside(o.dest.offset, o.length, dest)) {
    return GrantStatus.generalError;
  }
  h.watch.copied(d.id, source.frame, false);
  h.watch.copied(d.id, dest.frame, true);
  h.memory.copy({
    from: source.frame * pageBytes + o.source.offset,
    to: dest.frame * pageBytes + o.dest.offset,
    count: o.length,
  });
  return GrantStatus.okay;
}

const inside = (offset: number, length: number, c: Claim): boolean =>
  offset >= c.offset && offset + length <= c.offset + c.length;

const refused = (status: Refused["status"]): Refused => ({ status });
