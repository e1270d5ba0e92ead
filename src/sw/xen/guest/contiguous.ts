/**
 * Regions that are contiguous on the bus, made by exchanging the frames under pages and given back the same way.
 * Source: Linux arch/x86/xen/mmu_pv.c (xen_create_contiguous_region, xen_destroy_contiguous_region).
 */
import { frameBytes } from "../../../base/frame.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import { contiguousOrderMax } from "../../../spec/xen/limits.js";
import type { Contiguous } from "../guest_kernel.js";
import type { Domain } from "../hypervisor/domain.js";
import { type Exchange, exchange } from "../hypervisor/exchange.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import type { P2m } from "./p2m.js";

const pageBytes = frameBytes;

/** What regions need of the guest that makes them. */
export interface RegionOwner {
  readonly h: Hypervisor;
  readonly d: Domain;
  readonly domain: number;
  readonly memory: ByteMemory;
  readonly p2m: P2m | null;
  /** The handle of the region before: what a stub that never set it gives out. */
  lastHandle: number;
  physToBus(phys: number): number;
  gfnOf(page: number): number;
}

export function createRegion(guest: RegionOwner, phys: number, order: number, addressBits: number): Contiguous {
  if (!guest.d.rules.exchanges) return asItIs(guest, phys, order, addressBits);
  const fail = () => ({ ok: false, handle: guest.physToBus(phys) });
  if (guest.h.bugs["contiguous-order-limit"] && order > contiguousOrderMax) return fail();
  const page = phys / pageBytes;
  const count = 2 ** order;
  zero(guest, phys, count * pageBytes);
  const old = zap(guest, page, count);
  const extents = guest.d.rules.translated ? numbers(page, count) : old;
  const words = new Uint32Array(1);
  const done = exchange(guest.h, guest.d, {
    in: { domain: guest.domain, order: 0, extents },
    out: { domain: guest.domain, order, pages: [page], bits: addressBits, results: { words, first: 0 } },
    exchanged: 0,
  });
  remap(guest, page, done.status === 0 ? numbers(words[0]!, count) : old);
  const handle = guest.physToBus(phys);
  guest.lastHandle = handle;
  return { ok: done.status === 0, handle };
}

/** The mirror: single frames from anywhere for the region's. A failure leaves the region as it is. */
export function destroyRegion(guest: RegionOwner, phys: number, order: number): void {
  if (!guest.d.rules.exchanges) return;
  // Until 2018 only a region that was still unfit was given back; a created one never is.
  if (guest.h.bugs["region-never-given-back"]) return;
  const page = phys / pageBytes;
  const count = 2 ** order;
  zero(guest, phys, count * pageBytes);
  const first = guest.gfnOf(page);
  const old = zap(guest, page, count);
  const words = new Uint32Array(count);
  const o: Exchange = {
    in: { domain: guest.domain, order, extents: [first] },
    out: { domain: guest.domain, order: 0, pages: numbers(page, count), bits: 0, results: { words, first: 0 } },
    exchanged: 0,
  };
  const done = exchange(guest.h, guest.d, o);
  remap(guest, page, done.status === 0 ? words : old);
}

/** Models whose regions are what they are: contiguous when the bus says so. */
function asItIs(guest: RegionOwner, phys: number, order: number, addressBits: number): Contiguous {
  if (guest.h.bugs["handle-not-set"]) return { ok: true, handle: guest.lastHandle };
  const handle = guest.physToBus(phys);
  const bytes = 2 ** order * pageBytes;
  let ok = handle >= 0 && handle + bytes <= 2 ** addressBits;
  for (let at = pageBytes; ok && at < bytes; at += pageBytes) ok = guest.physToBus(phys + at) === handle + at;
  guest.lastHandle = handle;
  return { ok, handle };
}

function zero(guest: RegionOwner, phys: number, bytes: number): void {
  const nothing = new Uint8Array(pageBytes);
  for (let at = 0; at < bytes; at += pageBytes) guest.memory.write(phys + at, nothing);
}

/** Take the frames out of the page tables. @returns them. */
function zap(guest: RegionOwner, page: number, count: number): number[] {
  const old: number[] = [];
  for (let n = page; n < page + count; n++) {
    old.push(guest.d.map.frameOf(n));
    if (guest.p2m === null) continue;
    guest.h.setMapping(guest.d, n, -1);
    guest.p2m.invalidate(n);
  }
  return old;
}

function remap(guest: RegionOwner, page: number, frames: ArrayLike<number>): void {
  if (guest.p2m === null) return;
  for (let n = 0; n < frames.length; n++) {
    guest.p2m.set(page + n, frames[n]!);
    guest.h.setMapping(guest.d, page + n, frames[n]!);
  }
}

const numbers = (first: number, count: number): number[] => Array.from({ length: count }, (_, n) => first + n);
