/**
 * The hypervisor's record of every machine frame: owner, references, typed references, and whose page it is (M2P).
 * Source: Xen arch/x86/mm.c (get_page, get_page_type), public/arch-x86/xen.h (machine_to_phys_mapping).
 */
import { assert } from "../../../base/assert.js";
import type { Mfn } from "../../../base/frame.js";
import { invalidM2p } from "../../../spec/xen/p2m_entry.js";

/** What a frame may be used as; it changes only while no typed reference is held. */
export const FrameType = { none: 0, writable: 1, pageTable: 2, descriptors: 3, shared: 4 } as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Owners that are no domain. */
export const nobody = -1;
export const hypervisorItself = -2;

export class FrameTable {
  readonly count: number;
  readonly owner: Int32Array;
  /** 0: the frame is free. */
  readonly references: Uint32Array;
  /** 1: the owner's allocation stands and holds one of the references. */
  readonly allocated: Uint8Array;
  /** 1: of the hypervisor's heap and shared with its owner, who can neither give it up nor exchange it. */
  readonly heap: Uint8Array;
  readonly type: Uint8Array;
  readonly typeReferences: Uint32Array;
  readonly m2p: Uint32Array;

  constructor(count: number) {
    this.count = count;
    this.owner = new Int32Array(count).fill(nobody);
    this.references = new Uint32Array(count);
    this.allocated = new Uint8Array(count);
    this.heap = new Uint8Array(count);
    this.type = new Uint8Array(count);
    this.typeReferences = new Uint32Array(count);
    this.m2p = new Uint32Array(count).fill(invalidM2p);
  }

  exists(m: number): boolean {
    return m >= 0 && m < this.count;
  }

  ownedBy(m: number, domain: number): boolean {
    return this.exists(m) && this.owner[m] === domain && this.references[m]! > 0;
  }

  /** The allocation's own reference. */
  allocate(m: Mfn, owner: number): void {
    assert(this.references[m] === 0, "an allocated frame was free");
    this.owner[m] = owner;
    this.references[m] = 1;
    this.allocated[m] = 1;
    this.type[m] = FrameType.none;
  }

  /** @returns false when the frame does not exist, is free or belongs to another. */
  getPage(m: number, owner: number): boolean {
    if (!this.ownedBy(m, owner)) return false;
    this.references[m]!++;
    return true;
  }

  /** @returns true when that was the last reference: the caller frees the frame. */
  putPage(m: number): boolean {
    assert(this.references[m]! > 0, "a reference that is dropped was held");
    return --this.references[m]! === 0;
  }

  /** A page of the owner's that still is allocated. */
  givable(m: number, owner: number): boolean {
    return this.ownedBy(m, owner) && this.allocated[m] === 1 && this.heap[m] === 0;
  }

  /** Only the allocation's own reference is left: the frame can be taken from its owner. */
  stealable(m: number, owner: number): boolean {
    return this.givable(m, owner) && this.references[m] === 1;
  }

  /** @returns false when the frame is in use as another type. */
  getType(m: number, type: FrameType): boolean {
    if (this.typeReferences[m] === 0) this.type[m] = type;
    else if (this.type[m] !== type) return false;
    this.typeReferences[m]!++;
    return true;
  }

  putType(m: number): void {
    assert(this.typeReferences[m]! > 0, "a typed reference that is dropped was held");
    if (--this.typeReferences[m]! === 0) this.type[m] = FrameType.none;
  }

  /** After the last reference: nobody's. */
  release(m: Mfn): void {
    assert(this.references[m] === 0, "a freed frame has no references");
    assert(this.typeReferences[m] === 0, "a freed frame has no typed references");
    this.owner[m] = nobody;
    this.heap[m] = 0;
    this.m2p[m] = invalidM2p;
  }
}
