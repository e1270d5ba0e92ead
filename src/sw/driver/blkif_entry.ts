/** Entries of the block ring as both ends speak of them; the bits are in `spec/xen/blkif.ts`. */
import { read, write } from "../../bits/index.js";
import {
  BlkIndirect,
  BlkOp,
  BlkRequest,
  BlkResponse,
  BlkSegment,
  blkEntryBytes,
  blkIndirectPagesMax,
  blkIndirectRefsAt,
  blkSegmentsAt,
  blkSegmentsMax,
} from "../../spec/xen/blkif.js";

/** A part of one granted page, in sectors of 512 bytes; `last` is inclusive. */
export interface BlkifSegment {
  readonly ref: number;
  readonly first: number;
  readonly last: number;
}

/** A request as it was taken from the ring: what it says, believed or not. */
export interface Request {
  readonly operation: number;
  readonly id: number;
  readonly idHigh: number;
  readonly sector: number;
  readonly segmentCount: number;
  /** Of a plain request; empty for an indirect one. */
  readonly segments: readonly BlkifSegment[];
  /** Grants of the pages that hold an indirect request's segments; empty for a plain one. */
  readonly indirectRefs: readonly number[];
}

export const blkWords = blkEntryBytes / 4;
export const segmentWords = 2;

export function segmentAt(words: Uint32Array, at: number): BlkifSegment {
  return {
    ref: read(words, at, BlkSegment.ref),
    first: read(words, at, BlkSegment.first),
    last: read(words, at, BlkSegment.last),
  };
}

export function putSegment(words: Uint32Array, at: number, s: BlkifSegment): void {
  write(words, at, BlkSegment.ref, s.ref);
  write(words, at, BlkSegment.first, s.first);
  write(words, at, BlkSegment.last, s.last);
}

/** Read the private copy of an entry. */
export function parseRequest(words: Uint32Array): Request {
  const indirect = read(words, 0, BlkRequest.operation) === BlkOp.indirect;
  const segmentCount = read(words, 0, indirect ? BlkIndirect.segments : BlkRequest.segments);
  const inside = indirect ? 0 : Math.min(segmentCount, blkSegmentsMax);
  const pages = indirect ? Math.min(Math.ceil(segmentCount / 512), blkIndirectPagesMax) : 0;
  return {
    operation: indirect ? read(words, 0, BlkIndirect.indirectOperation) : read(words, 0, BlkRequest.operation),
    id: read(words, 0, BlkRequest.id),
    idHigh: read(words, 0, BlkRequest.idHigh),
    sector: read(words, 0, BlkRequest.sector),
    segmentCount,
    segments: Array.from({ length: inside }, (_, n) => segmentAt(words, blkSegmentsAt + n * segmentWords)),
    indirectRefs: Array.from(words.subarray(blkIndirectRefsAt, blkIndirectRefsAt + pages)),
  };
}

export function requestWords(r: Request): Uint32Array {
  const words = new Uint32Array(blkWords);
  const indirect = r.indirectRefs.length > 0;
  write(words, 0, BlkRequest.operation, indirect ? BlkOp.indirect : r.operation);
  write(words, 0, BlkRequest.id, r.id);
  write(words, 0, BlkRequest.idHigh, r.idHigh);
  write(words, 0, BlkRequest.sector, r.sector);
  if (indirect) {
    write(words, 0, BlkIndirect.indirectOperation, r.operation);
    write(words, 0, BlkIndirect.segments, r.segmentCount);
    words.set(r.indirectRefs, blkIndirectRefsAt);
  } else {
    write(words, 0, BlkRequest.segments, r.segmentCount);
    for (const [n, s] of r.segments.entries()) putSegment(words, blkSegmentsAt + n * segmentWords, s);
  }
  return words;
}

export interface Response {
  readonly id: number;
  readonly idHigh: number;
  readonly operation: number;
  /** BlkStatus. */
  readonly status: number;
}

export function responseWords(r: Response): Uint32Array {
  const words = new Uint32Array(blkWords);
  write(words, 0, BlkResponse.id, r.id);
  write(words, 0, BlkResponse.idHigh, r.idHigh);
  write(words, 0, BlkResponse.operation, r.operation);
  write(words, 0, BlkResponse.status, r.status & 0xffff);
  return words;
}

export function parseResponse(words: Uint32Array): Response {
  const status = read(words, 0, BlkResponse.status);
  return {
    id: read(words, 0, BlkResponse.id),
    idHigh: read(words, 0, BlkResponse.idHigh),
    operation: read(words, 0, BlkResponse.operation),
    status: status >= 0x8000 ? status - 0x1_0000 : status,
  };
}
