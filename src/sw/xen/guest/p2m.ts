/**
 * A paravirtualised guest's own table pfn -> machine frame with its flag bits, and the tests that stand on it.
 * Source: Linux arch/x86/xen/p2m.c, arch/x86/include/asm/xen/page.h (pfn_to_mfn masks the flags, __pfn_to_mfn does not).
 */
import { foreignBit, frameHighMask, identityBit, invalidHalf } from "../../../spec/xen/p2m_entry.js";

const high = 2 ** 32;

export class P2m {
  low = new Uint32Array(0);
  upper = new Uint32Array(0);

  /** Entries; above them a number means itself. */
  get length(): number {
    return this.low.length;
  }

  /** Make room; new entries are invalid. */
  grow(length: number): void {
    if (length <= this.low.length) return;
    const low = new Uint32Array(length).fill(invalidHalf);
    const upper = new Uint32Array(length).fill(invalidHalf);
    low.set(this.low);
    upper.set(this.upper);
    this.low = low;
    this.upper = upper;
  }

  set(pfn: number, frame: number, flags = 0): void {
    this.grow(pfn + 1);
    this.low[pfn] = frame;
    this.upper[pfn] = (Math.floor(frame / high) | flags) >>> 0;
  }

  invalidate(pfn: number): void {
    this.grow(pfn + 1);
    this.low[pfn] = invalidHalf;
    this.upper[pfn] = invalidHalf;
  }

  isInvalid(pfn: number): boolean {
    return pfn < this.low.length && this.upper[pfn] === invalidHalf && this.low[pfn] === invalidHalf;
  }

  isForeign(pfn: number): boolean {
    return pfn < this.low.length && !this.isInvalid(pfn) && (this.upper[pfn]! & foreignBit) !== 0;
  }

  isIdentity(pfn: number): boolean {
    return pfn >= this.low.length || (!this.isInvalid(pfn) && (this.upper[pfn]! & identityBit) !== 0);
  }

  /** Flags masked. @returns -1 for an invalid entry. */
  frame(pfn: number): number {
    if (pfn >= this.low.length) return pfn;
    if (this.isInvalid(pfn)) return -1;
    return (this.upper[pfn]! & frameHighMask) * high + this.low[pfn]!;
  }

  /** The entry is this frame and carries no flag. */
  isExactly(pfn: number, frame: number): boolean {
    return pfn < this.low.length && this.low[pfn] === frame % high && this.upper[pfn] === Math.floor(frame / high);
  }

  /** Save an entry, to put it back later. */
  entry(pfn: number): { readonly low: number; readonly upper: number } {
    return { low: this.low[pfn] ?? invalidHalf, upper: this.upper[pfn] ?? invalidHalf };
  }

  restore(pfn: number, entry: { readonly low: number; readonly upper: number }): void {
    this.low[pfn] = entry.low;
    this.upper[pfn] = entry.upper;
  }
}
