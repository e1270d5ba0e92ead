/**
 * The calls that shape a grant table: its frames, its version, its status frames, and the swap of two entries.
 * Source: Xen common/grant_table.c (gnttab_setup_table, gnttab_set_version, gnttab_get_status_frames, swap_grant_ref).
 */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { Errno } from "../../../spec/xen/errno.js";
import { GrantFlag, GrantV1, GrantV2, grantEntryBytes, reservedGrants } from "../../../spec/xen/grant_entry.js";
import { GrantStatus } from "../../../spec/xen/grant_op.js";
import { isPage, Reach } from "../hypervisor/cpu_map.js";
import type { Domain } from "../hypervisor/domain.js";
import { addGrantFrames, addStatusFrames, dropHeapFrame } from "../hypervisor/grant_frames.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import { finish, type Steps } from "../steps.js";
import { entryAddress, loadField, storeField } from "./entry.js";

const pageBytes = frameBytes;

/** GNTTABOP_setup_table. @returns generalError above the domain's limit. */
export function setupTable(h: Hypervisor, d: Domain, frames: number): GrantStatus {
  h.count("setup_table");
  if (frames > d.grants.framesMax) return GrantStatus.generalError;
  return addGrantFrames(h, d, frames) ? GrantStatus.okay : GrantStatus.generalError;
}

/**
 * GNTTABOP_set_version. The reserved entries are carried over, all others are cleared.
 * @returns 0; invalid for another version than 1 and 2; busy while an entry is in use or, back to 1, while a status
 *   frame is mapped; noMemory.
 */
export function setVersion(h: Hypervisor, d: Domain, version: number): number {
  h.count("set_version");
  return finish(setVersionSteps(h, d, version));
}

/** The same with its break. */
export function* setVersionSteps(h: Hypervisor, d: Domain, version: number): Steps<number> {
  const g = d.grants;
  if (version !== 1 && version !== 2) return Errno.invalid;
  if (version === g.version) return 0;
  if (g.active.size > 0) return Errno.busy;
  if (!h.bugs["status-freed-while-mapped"] && g.status.some((m) => statusInUse(h, m))) return Errno.busy;
  const kept = reservedEntries(h, d);
  if (version === 2) {
    g.version = 2;
    if (!addStatusFrames(h, d)) {
      g.version = 1;
      dropStatus(h, d);
      return Errno.noMemory;
    }
  }
  yield "the entries are about to change";
  // Whoever is inside an operation on this table holds its lock.
  while (g.readers > 0) yield "waits for the lock";
  if (g.active.size > 0) return Errno.busy;
  g.version = version;
  for (const m of g.shared) h.memory.fill(m * pageBytes, pageBytes, 0);
  for (const [ref, entry] of kept.entries()) putEntry(h, d, ref, entry);
  if (version === 1) dropStatus(h, d);
  return 0;
}

/** The allocation and its type; anything more is a mapping in a guest. */
const statusInUse = (h: Hypervisor, m: Mfn): boolean => h.frames.references[m]! > 1;

function dropStatus(h: Hypervisor, d: Domain): void {
  for (const m of d.grants.status) dropHeapFrame(h, m);
  // XSA-26: the pages were freed and stayed on the list, for the next switch to hand out.
  if (!h.bugs["status-pages-listed"]) d.grants.status.length = 0;
}

interface Entry {
  readonly header: number;
  readonly frame: number;
}

function reservedEntries(h: Hypervisor, d: Domain): Entry[] {
  return Array.from({ length: reservedGrants }, (_, ref) => {
    const at = entryAddress(d, ref);
    const frame = loadField(h.memory, at, d.grants.version === 1 ? GrantV1.frame : GrantV2.frame);
    return { header: (h.memory.load32(at) & ~(GrantFlag.reading | GrantFlag.writing)) >>> 0, frame };
  });
}

function putEntry(h: Hypervisor, d: Domain, ref: number, entry: Entry): void {
  const at = entryAddress(d, ref);
  if (d.grants.version === 1) storeField(h.memory, at, GrantV1.frame, entry.frame >>> 0);
  else storeField(h.memory, at, GrantV2.frame, entry.frame);
  h.memory.store32(at, entry.header);
}

/**
 * XENMEM_add_to_physmap for a status frame: a translated guest sees it at a page of its own.
 * @returns 0; invalid for a page or frame that is not there.
 */
export function addStatusToPhysmap(h: Hypervisor, d: Domain, at: { index: number; page: number }): number {
  h.count("add_to_physmap");
  return finish(addStatusToPhysmapSteps(h, d, at));
}

/** The same with its break: the frame is found under the lock, and mapped later. */
export function* addStatusToPhysmapSteps(
  h: Hypervisor,
  d: Domain,
  at: { readonly index: number; readonly page: number },
): Steps<number> {
  const frame = d.grants.version === 2 ? d.grants.status[at.index] : undefined;
  if (frame === undefined || !d.rules.translated) return Errno.invalid;
  if (!isPage(h, at.page)) return Errno.invalid;
  // The fix takes its reference while the frame is looked up, so that a change of version finds it in use.
  const early = !h.bugs["status-freed-while-mapped"];
  if (early) h.frames.getPage(frame, d.id);
  yield "the status frame was found";
  if (!early) h.frames.getPage(frame, d.id);
  d.map.set(at.page, frame, Reach.present | Reach.writable | Reach.status);
  return 0;
}

/** XENMEM_remove_from_physmap of such a page. @returns 0 or invalid. */
export function removeStatusFromPhysmap(h: Hypervisor, d: Domain, page: number): number {
  if ((d.map.reachOf(page) & Reach.status) === 0) return Errno.invalid;
  const frame = d.map.frameOf(page) as Mfn;
  d.map.clear(page);
  h.put(frame);
  return 0;
}

/**
 * GNTTABOP_get_status_frames.
 * @param capacity how many numbers the caller's list holds
 * @returns generalError when the table has fewer frames than asked for, or the list is too short.
 */
export function getStatusFrames(
  h: Hypervisor,
  d: Domain,
  o: { readonly count: number; readonly capacity: number },
): { readonly status: GrantStatus; readonly frames: readonly Mfn[] } {
  h.count("get_status_frames");
  const fail = { status: GrantStatus.generalError, frames: [] };
  if (d.grants.version !== 2 || !(o.count >= 0 && o.count <= d.grants.status.length)) return fail;
  // XSA-382: the limit was taken in bytes where it counted entries of eight.
  const capacity = h.bugs["status-capacity-units"] ? o.capacity * 8 : o.capacity;
  if (o.count > capacity) return fail;
  return { status: GrantStatus.okay, frames: d.grants.status.slice(0, o.count) };
}

/**
 * GNTTABOP_swap_grant_ref.
 * @returns badGrantRef outside the table, eagain while one of them is in use.
 */
export function swapGrants(h: Hypervisor, d: Domain, refs: { readonly a: number; readonly b: number }): GrantStatus {
  h.count("swap_grant_ref");
  const { a, b } = refs;
  const outside = (ref: number) => !Number.isInteger(ref) || ref < 0 || ref >= d.grants.entryCount;
  if ((outside(a) || outside(b)) && !h.bugs["swap-unbounded"]) return GrantStatus.badGrantRef;
  if (d.grants.active.has(a) || d.grants.active.has(b)) return GrantStatus.eagain;
  swapWords(h, d, a, b);
  return GrantStatus.okay;
}

/** Entries by address only: what lies behind the last grant frame is whatever memory follows it. */
function swapWords(h: Hypervisor, d: Domain, a: number, b: number): void {
  const bytes = grantEntryBytes[d.grants.version];
  const place = (ref: number) => {
    const at = ref * bytes;
    const inTable = d.grants.shared[Math.floor(at / pageBytes)];
    const last = d.grants.shared.length - 1;
    const behind = d.grants.shared[last]! + Math.floor(at / pageBytes) - last;
    return (inTable ?? behind) * pageBytes + (at % pageBytes);
  };
  const [one, other] = [new Uint8Array(bytes), new Uint8Array(bytes)];
  h.memory.read(place(a), one);
  h.memory.read(place(b), other);
  h.memory.write(place(a), other);
  h.memory.write(place(b), one);
}
