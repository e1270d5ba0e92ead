/**
 * VT-d descriptors in memory that logs print: those of the invalidation queue, and page requests.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, section 6.5.2 (queued invalidation), 7.4.1 (page request
 * descriptor).
 */

/** Type of a descriptor, bits 3:0 of its first word. */
export const descriptorTypes: Readonly<Record<number, string>> = {
  1: "context-cache invalidation",
  2: "IOTLB invalidation",
  3: "device-TLB invalidation",
  4: "interrupt entry cache invalidation",
  5: "wait",
  6: "PASID-based IOTLB invalidation",
  7: "PASID-cache invalidation",
  8: "PASID-based device-TLB invalidation",
  9: "page group response",
};

export interface QueueDescriptor {
  readonly type: number;
  /** Requester id of the device that is asked to forget translations; null for the types that name none, and for 0, which no device with a TLB has. */
  readonly requester: number | null;
}

/** Source ids lie in bits 47:32 of types 1 and 3, in bits 31:16 of type 8. */
export function descriptorOf(first: bigint): QueueDescriptor {
  const type = Number(first & 0xfn);
  const requester = type === 3 ? first >> 32n : type === 8 ? first >> 16n : null;
  const id = requester === null ? 0 : Number(requester & 0xffffn);
  return { type, requester: id === 0 ? null : id };
}

export interface PageRequest {
  readonly requester: number;
  readonly pasid: number | null;
  readonly write: boolean;
  readonly address: bigint;
}

/** PASID present 8, requester 31:16, PASID 51:32; in the second word W 1, address 63:12. */
export function pageRequestOf(first: bigint, second: bigint): PageRequest {
  return {
    requester: Number((first >> 16n) & 0xffffn),
    pasid: ((first >> 8n) & 1n) === 1n ? Number((first >> 32n) & 0xfffffn) : null,
    write: ((second >> 1n) & 1n) === 1n,
    address: second & ~0xfffn,
  };
}
