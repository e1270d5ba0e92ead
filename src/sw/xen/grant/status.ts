/**
 * Marking a shared entry as in use, and no longer in use: the only bits that the hypervisor writes into a granter's
 * table. The granter may change the entry at any moment, so version 1 compares and exchanges, a bounded number of
 * times, and version 2 writes its own status word first and looks again.
 * Source: Xen common/grant_table.c (_set_status, gnttab_clear_flags).
 */
import type { Memory } from "../../../mem/memory.js";
import { GrantFlag, GrantType } from "../../../spec/xen/grant_entry.js";
import { GrantStatus } from "../../../spec/xen/grant_op.js";
import { statusTries } from "../../../spec/xen/limits.js";
import type { Domain } from "../hypervisor/domain.js";
import type { Active } from "../hypervisor/grant_table.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import type { Steps } from "../steps.js";
import { entryAddress, statusAddress } from "./entry.js";

export interface Use {
  readonly granter: Domain;
  readonly ref: number;
  readonly grantee: number;
  readonly readOnly: boolean;
  /** A map: grants of a part of a page and grants passed on are for copies only. */
  readonly map: boolean;
}

/** Take the entry into use. @returns okay or generalError. */
export function* setStatus(h: Hypervisor, use: Use, active: Active | undefined): Steps<GrantStatus> {
  const pinned = active !== undefined;
  return use.granter.grants.version === 1 ? yield* setV1(h, use, pinned) : yield* setV2(h, use, pinned);
}

function* setV1(h: Hypervisor, use: Use, pinned: boolean): Steps<GrantStatus> {
  const entry = entryAddress(use.granter, use.ref);
  let seen = h.memory.load32(entry);
  for (let tries = 0; tries < statusTries; tries++) {
    if (!pinned && !permits(seen, use, 1)) return GrantStatus.generalError;
    if (!use.readOnly && (seen & GrantFlag.readOnly) !== 0) return GrantStatus.generalError;
    const wanted = (seen | GrantFlag.reading | (use.readOnly ? 0 : GrantFlag.writing)) >>> 0;
    yield "the entry was read";
    const now = h.memory.load32(entry);
    if (now === seen) {
      h.memory.store32(entry, wanted);
      return GrantStatus.okay;
    }
    seen = now;
  }
  return GrantStatus.generalError;
}

function* setV2(h: Hypervisor, use: Use, pinned: boolean): Steps<GrantStatus> {
  const entry = entryAddress(use.granter, use.ref);
  const status = statusAddress(use.granter, use.ref);
  const before = h.memory.load32(entry);
  if (!pinned && !permits(before, use, 2)) return GrantStatus.generalError;
  if (!use.readOnly && (before & GrantFlag.readOnly) !== 0) return GrantStatus.generalError;
  yield "the entry was read";
  const bits = GrantFlag.reading | (use.readOnly ? 0 : GrantFlag.writing);
  h.memory.store16(status, h.memory.load16(status) | bits);
  yield "the status was written";
  const after = h.memory.load32(entry);
  const readOnly = !use.readOnly && (after & GrantFlag.readOnly) !== 0;
  if (pinned) {
    if (!readOnly) return GrantStatus.okay;
    clearUse(h.memory, status, GrantFlag.writing);
    return GrantStatus.generalError;
  }
  if (permits(after, use, 2) && !readOnly) return GrantStatus.okay;
  clearUse(h.memory, status, GrantFlag.reading | GrantFlag.writing);
  return GrantStatus.generalError;
}

/** Type and grantee, and for a map that all of the page is granted. */
function permits(header: number, use: Use, version: 1 | 2): boolean {
  const type = header & GrantFlag.typeMask;
  const typeFits = type === GrantType.permitAccess || (version === 2 && !use.map && type === GrantType.transitive);
  if (!typeFits || header >>> 16 !== use.grantee) return false;
  return !use.map || (header & GrantFlag.subPage) === 0;
}

/** Clear use bits of an entry. */
export function clearStatus(h: Hypervisor, granter: Domain, ref: number, flags: number): void {
  if (ref >= granter.grants.entryCount) return;
  if (granter.grants.version === 1) {
    const entry = entryAddress(granter, ref);
    h.memory.store32(entry, h.memory.load32(entry) & ~flags);
  } else clearUse(h.memory, statusAddress(granter, ref), flags);
}

/** Clear bits of a status word. @param status its byte address */
export function clearUse(memory: Memory, status: number, flags: number): void {
  memory.store16(status, memory.load16(status) & ~flags);
}
