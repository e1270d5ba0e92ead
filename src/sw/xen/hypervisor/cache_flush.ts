/**
 * GNTTABOP_cache_flush: cache maintenance of one frame, by machine address. Arm only; elsewhere it does not exist.
 * Source: Xen common/grant_table.c (_cache_flush).
 */
import { frameBytes } from "../../../base/frame.js";
import { Errno } from "../../../spec/xen/errno.js";
import type { Domain } from "./domain.js";
import type { Hypervisor } from "./hypervisor.js";

const pageBytes = frameBytes;

export interface CacheFlush {
  readonly bus: number;
  readonly length: number;
  /** Null: none, the form by which a guest asks whether the call exists. */
  readonly op: "clean" | "invalidate" | null;
  /** The address is a grant reference. */
  readonly byRef?: boolean;
}

/** @returns 0, or noCall, invalid, unsupported, perm. Bytes do not change: memory here is what caches agree on. */
export function cacheFlush(h: Hypervisor, d: Domain, o: CacheFlush): number {
  h.count("cache_flush");
  if (h.arch !== "arm") return Errno.noCall;
  const offset = o.bus % pageBytes;
  if (!Number.isInteger(o.bus) || o.bus < 0) return Errno.invalid;
  if (!Number.isInteger(o.length) || o.length < 0) return Errno.invalid;
  if (offset + o.length > pageBytes) return Errno.invalid;
  if (o.length === 0 || o.op === null) return 0;
  if (o.byRef === true) return Errno.unsupported;
  const frame = (o.bus - offset) / pageBytes;
  if (!h.frames.exists(frame) || h.frames.references[frame] === 0) return Errno.invalid;
  if (h.frames.owner[frame] === d.id || d.grants.heldFrames.has(frame)) return 0;
  return Errno.perm;
}
