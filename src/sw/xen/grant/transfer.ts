/**
 * GNTTABOP_transfer: a domain gives a frame away, to an entry in which another one waits for it.
 *
 * The frame is taken from its owner before anything else is looked at: where the transfer then fails it is free, and
 * the caller has lost it. The one more page is counted as the other's before its entry is looked at, so that transfers
 * at one time do not give more than it may have.
 * Source: Xen common/grant_table.c (gnttab_transfer, gnttab_prepare_for_transfer).
 */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { GrantFlag, GrantType, GrantV1, GrantV2 } from "../../../spec/xen/grant_entry.js";
import { GrantStatus } from "../../../spec/xen/grant_op.js";
import { invalidM2p } from "../../../spec/xen/p2m_entry.js";
import type { Domain } from "../hypervisor/domain.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import { finish, type Steps } from "../steps.js";
import { entryAddress, storeField } from "./entry.js";

const pageBytes = frameBytes;

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
  let frame = o.frame as Mfn;
  h.steal(frame);
  const lose = (status: GrantStatus): GrantStatus => {
    h.free.give(frame);
    return status;
  };
  const to = h.domain(o.domain, d);
  if (to === undefined) return lose(GrantStatus.badDomain);
  if ((frame + 1) * pageBytes > 2 ** to.addressBits) {
    const copy = h.free.take(0, to.addressBits);
    if (copy === null) return lose(GrantStatus.addressTooBig);
    h.memory.copy({ from: frame * pageBytes, to: copy * pageBytes, count: pageBytes });
    h.free.give(frame);
    frame = copy;
  }
  if (to.pages >= to.pagesMax) return lose(GrantStatus.generalError);
  to.pages++;
  const waits = yield* commit(h, to, d, o.ref);
  to.pages--;
  if (!waits) return lose(GrantStatus.generalError);
  h.assign(frame, to);
  h.frames.m2p[frame] = invalidM2p;
  complete(h, to, o.ref, frame);
  return GrantStatus.okay;
}

/** Take the waiting entry. @returns false when it waits for nothing, or for another, or changes before it is taken. */
function* commit(h: Hypervisor, to: Domain, from: Domain, ref: number): Steps<boolean> {
  if (!Number.isInteger(ref) || ref < 0 || ref >= to.grants.entryCount) return false;
  const entry = entryAddress(to, ref);
  const seen = h.memory.load32(entry);
  if ((seen & 0xffff) !== GrantType.acceptTransfer || seen >>> 16 !== from.id) return false;
  yield "the entry was read";
  // One word alone waits for this domain: any other that stands there by now does not, and is not worth a second try.
  if (h.memory.load32(entry) !== seen) return false;
  h.memory.store32(entry, seen | GrantFlag.transferCommitted);
  return true;
}

/** The frame is written before the flag that says so. */
function complete(h: Hypervisor, to: Domain, ref: number, frame: number): void {
  const entry = entryAddress(to, ref);
  storeField(h.memory, entry, to.grants.version === 1 ? GrantV1.frame : GrantV2.frame, frame);
  h.memory.store32(entry, h.memory.load32(entry) | GrantFlag.transferCompleted);
}
