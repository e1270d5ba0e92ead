/**
 * GNTTABOP_transfer: a domain gives a frame away, to an entry in which another one waits for it.
 * Source: Xen common/grant_table.c (gnttab_transfer, gnttab_prepare_for_transfer).
 */
import type { Mfn } from "../../../base/frame.js";
import { write } from "../../../bits/index.js";
import { GrantFlag, GrantType, GrantV1, GrantV2 } from "../../../spec/xen/grant_entry.js";
import { GrantStatus } from "../../../spec/xen/grant_op.js";
import { statusTries } from "../../../spec/xen/limits.js";
import { invalidM2p } from "../../../spec/xen/p2m_entry.js";
import type { Domain } from "../hypervisor/domain.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import { finish, type Steps } from "../steps.js";
import { entryAt } from "./frames.js";

export interface TransferRequest {
  /** Machine frame of the caller that nothing else refers to. */
  readonly frame: number;
  readonly domain: number;
  readonly ref: number;
}

export function transferGrant(h: Hypervisor, d: Domain, o: TransferRequest): GrantStatus {
  h.count("grant_transfer");
  return finish(transferGrantSteps(h, d, o));
}

/** The same with its breaks: whenever the waiting entry was read and not yet taken. */
export function* transferGrantSteps(h: Hypervisor, d: Domain, o: TransferRequest): Steps<GrantStatus> {
  if (d.rules.translated || !h.frames.stealable(o.frame, d.id)) return GrantStatus.badPage;
  const to = h.domain(o.domain, d);
  if (to === undefined) return GrantStatus.badDomain;
  const narrow = (o.frame + 1) * 4096 > 2 ** to.addressBits;
  const copy = narrow ? h.free.take(0, to.addressBits) : null;
  if (narrow && copy === null) return GrantStatus.addressTooBig;
  const room = to.pages < to.pagesMax && (yield* commit(to, d, o.ref));
  // Another owner may have become of the frame's references meanwhile.
  if (!room || !h.frames.stealable(o.frame, d.id)) {
    if (copy !== null) h.free.give(copy);
    return GrantStatus.generalError;
  }
  const frame = copy ?? (o.frame as Mfn);
  if (copy !== null) h.memory.copy({ from: o.frame * 4096, to: copy * 4096, count: 4096 });
  h.giveUp(o.frame as Mfn);
  if (copy === null) h.free.takeExactly(frame);
  h.assign(frame, to);
  h.frames.m2p[frame] = invalidM2p;
  complete(to, o.ref, frame);
  return GrantStatus.okay;
}

/** Take the waiting entry. @returns false when it waits for nothing, or for another, or changes without end. */
function* commit(to: Domain, from: Domain, ref: number): Steps<boolean> {
  if (!Number.isInteger(ref) || ref < 0 || ref >= to.grants.entryCount) return false;
  const { words, at } = entryAt(to, ref);
  for (let tries = 0; tries < statusTries; tries++) {
    const seen = words[at]!;
    const waits = (seen & 0xffff) === GrantType.acceptTransfer && seen >>> 16 === from.id;
    if (!waits) return false;
    yield "the entry was read";
    if (words[at] !== seen) continue;
    words[at] = (seen | GrantFlag.transferCommitted) >>> 0;
    return true;
  }
  return false;
}

/** The frame is written before the flag that says so. */
function complete(to: Domain, ref: number, frame: number): void {
  const { words, at } = entryAt(to, ref);
  if (to.grants.version === 1) write(words, at, GrantV1.frame, frame);
  else write(words, at, GrantV2.frame, frame);
  words[at] = (words[at]! | GrantFlag.transferCompleted) >>> 0;
}
