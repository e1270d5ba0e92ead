/**
 * How a back end reaches the bytes of a guest's packet: the head is copied by grant, out of as many slots as it lies in,
 * and the rest is mapped.
 *
 * Source: Linux drivers/net/xen-netback/netback.c (xenvif_get_requests, xenvif_tx_check_gop); XSA-423, XSA-448.
 */
import { frameBytes, type Pfn } from "../../base/frame.js";
import { CopyFlag, domainSelf, GrantStatus } from "../../spec/xen/grant_op.js";
import { netHeadBytes, netSlotsMax } from "../../spec/xen/netif.js";
import type { ListEntry } from "../dma/index.js";
import { copyGrant, type ForeignPage, type ForeignPages, type Guest } from "../xen/index.js";
import type { Slot } from "./netif_judge.js";

export interface ReachedPacket {
  readonly list: readonly ListEntry[];
  readonly pages: readonly ForeignPage[];
  readonly head: Pfn;
}

export interface Unreached {
  readonly list: null;
  /** Of the first grant that could not be reached; null: there is no page for the head. */
  readonly status: number | null;
  /** Which slots could not be reached. */
  readonly failed: readonly number[];
}

/** Nothing is held of a packet of which a part cannot be reached. */
export function reach(
  o: { readonly guest: Guest; readonly foreign: ForeignPages; readonly frontend: number },
  slots: readonly Slot[],
): ReachedPacket | Unreached {
  const head = o.guest.allocPages(0);
  if (head === null) return { list: null, status: null, failed: slots.map((_, n) => n) };
  const failed: number[] = [];
  const copied = copyHead(o, slots, head, failed);
  const rest = slots.map((s, n) => ({ n, ref: s.ref, offset: s.offset + copied.of[n]!, size: s.size - copied.of[n]! }));
  const mapped = rest.filter((s) => s.size > 0);
  const pages = o.foreign.map(mapped.map(({ ref }) => ({ domain: o.frontend, ref, readOnly: true })));
  const unmapped = pages.findIndex((p) => p.status !== GrantStatus.okay);
  if (copied.status === GrantStatus.okay && unmapped < 0) {
    const list: ListEntry[] = [{ phys: head * frameBytes, size: copied.bytes }];
    for (const [k, s] of mapped.entries()) list.push({ phys: pages[k]!.page * frameBytes + s.offset, size: s.size });
    return { list, pages, head };
  }
  for (const [k, p] of pages.entries()) if (p.status !== GrantStatus.okay) failed.push(mapped[k]!.n);
  o.foreign.unmap(pages);
  o.guest.freePages(head, 0);
  const status = copied.status === GrantStatus.okay ? pages[unmapped]!.status : copied.status;
  return { list: null, status, failed };
}

/** @param failed takes the slots that could not be copied */
function copyHead(
  { guest, frontend }: { readonly guest: Guest; readonly frontend: number },
  slots: readonly Slot[],
  head: Pfn,
  failed: number[],
): { readonly of: readonly number[]; readonly bytes: number; readonly status: GrantStatus } {
  const total = slots.reduce((sum, s) => sum + s.size, 0);
  const most = Math.min(total, netHeadBytes);
  // A packet of many slots has its first one copied whole, so that no more are mapped than a kernel's packet takes.
  const wanted = slots.length >= netSlotsMax ? Math.max(most, slots[0]!.size) : most;
  let status: GrantStatus = GrantStatus.okay;
  let bytes = 0;
  const of = slots.map((s, n) => {
    const length = Math.min(s.size, wanted - bytes);
    if (length === 0) return 0;
    const one = copyGrant(guest.h, guest.d, {
      source: { domain: frontend, at: s.ref, offset: s.offset },
      dest: { domain: domainSelf, at: guest.gfnOf(head), offset: bytes },
      length,
      flags: CopyFlag.sourceRef,
    });
    if (one !== GrantStatus.okay) {
      failed.push(n);
      if (status === GrantStatus.okay) status = one;
    }
    bytes += length;
    return length;
  });
  return { of, bytes, status };
}
