/**
 * The block interface: requests and responses of the 64-bit ABI.
 *
 * Source: Xen include/public/io/blkif.h (struct blkif_request, blkif_request_indirect, blkif_response).
 */
import { address64, bits, layout } from "../../bits/index.js";

/** Operations of a request. */
export const BlkOp = { read: 0, write: 1, writeBarrier: 2, flushDiskcache: 3, discard: 5, indirect: 6 } as const;
export type BlkOp = (typeof BlkOp)[keyof typeof BlkOp];
/** What a back end answers. */
export const BlkStatus = { okay: 0, error: -1, unsupported: -2 } as const;
export type BlkStatus = (typeof BlkStatus)[keyof typeof BlkStatus];

/** One entry of the ring: a request is the longer of both. */
export const blkEntryBytes = 112;
/** Bytes of a sector. */
export const sectorBytes = 512;
/** Sectors of a page. */
export const sectorsPerPage = 8;

/** Segments that a request itself carries. */
export const blkSegmentsMax = 11;
/** Pages of descriptors that an indirect request names. */
export const blkIndirectPagesMax = 8;
/** Segments that such a page describes. */
export const blkSegmentsPerPage = 512;
/** Segments of an indirect request that a back end takes (xen-blkback.max_indirect_segments). */
export const blkIndirectSegmentsMax = 256;

/** 32-bit word at which the segments of a request begin. */
export const blkSegmentsAt = 6;
/** 32-bit word at which the grant references of an indirect request begin. */
export const blkIndirectRefsAt = 7;

/** Head of a request that carries its segments. */
export const BlkRequest = layout(
  { title: "block request", source: "blkif.h, blkif_request", bitCount: 192, ignored: [[63, 32]] },
  {
    operation: bits(7, 0, "what is asked, BlkOp"),
    segments: bits(15, 8, "segments that follow, 1 to 11"),
    handle: bits(31, 16, "virtual disk"),
    id: bits(95, 64, "given back in the response, low half"),
    idHigh: bits(127, 96, "high half"),
    sector: address64(128, "first sector on the disk"),
  },
);

/** Head of a request whose segments stand in pages of their own. */
export const BlkIndirect = layout(
  {
    title: "indirect block request",
    source: "blkif.h, blkif_request_indirect",
    bitCount: 256,
    ignored: [
      [63, 32],
      [223, 208],
    ],
  },
  {
    operation: bits(7, 0, "always 6"),
    indirectOperation: bits(15, 8, "what is asked: read or write"),
    segments: bits(31, 16, "segments in the pages that follow"),
    id: bits(95, 64, "given back in the response, low half"),
    idHigh: bits(127, 96, "high half"),
    sector: address64(128, "first sector on the disk"),
    handle: bits(207, 192, "virtual disk"),
    firstRef: bits(255, 224, "grant of the first page of segments; seven more may follow"),
  },
);

/** One segment: a part of one granted page, in whole sectors. */
export const BlkSegment = layout(
  { title: "block segment", source: "blkif.h, blkif_request_segment", bitCount: 64, ignored: [[63, 48]] },
  {
    ref: bits(31, 0, "grant of the page"),
    first: bits(39, 32, "first sector in the page"),
    last: bits(47, 40, "last sector in the page, inclusive; at most 7"),
  },
);

/** Block response. */
export const BlkResponse = layout(
  {
    title: "block response",
    source: "blkif.h, blkif_response",
    bitCount: 128,
    ignored: [
      [79, 72],
      [127, 96],
    ],
  },
  {
    id: bits(31, 0, "of the request, low half"),
    idHigh: bits(63, 32, "high half"),
    operation: bits(71, 64, "of the request"),
    status: bits(95, 80, "BlkStatus as a 16-bit number with sign"),
  },
);
