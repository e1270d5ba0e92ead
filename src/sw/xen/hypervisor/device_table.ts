/**
 * The table that the hypervisor makes for devices of a domain whose bus addresses are machine addresses: its own frames
 * one to one, and frames granted to it for as long as a handle is alive, counted for each frame.
 * Source: Xen common/grant_table.c (gnttab_need_iommu_mapping, the map-track tree by mfn).
 */
import { assert } from "../../../base/assert.js";

export const Permission = { none: 0, read: 1, readWrite: 3 } as const;
export type Permission = (typeof Permission)[keyof typeof Permission];

export class DeviceTable {
  readonly #own = new Set<number>();
  readonly #readers = new Map<number, number>();
  readonly #writers = new Map<number, number>();

  own(frame: number): void {
    this.#own.add(frame);
  }

  disown(frame: number): void {
    this.#own.delete(frame);
  }

  grant(frame: number, readOnly: boolean): void {
    const counts = readOnly ? this.#readers : this.#writers;
    counts.set(frame, (counts.get(frame) ?? 0) + 1);
  }

  /** @returns false when nothing was counted: the count would fall below zero. */
  ungrant(frame: number, readOnly: boolean): boolean {
    const counts = readOnly ? this.#readers : this.#writers;
    const left = (counts.get(frame) ?? 0) - 1;
    if (left < 0) return false;
    if (left === 0) counts.delete(frame);
    else counts.set(frame, left);
    return true;
  }

  /** Live handles that the table counts for a frame. */
  countOf(frame: number): { readonly readers: number; readonly writers: number } {
    return { readers: this.#readers.get(frame) ?? 0, writers: this.#writers.get(frame) ?? 0 };
  }

  permission(frame: number): Permission {
    assert(frame >= 0, "a frame number is not negative");
    if (this.#own.has(frame) || this.#writers.has(frame)) return Permission.readWrite;
    return this.#readers.has(frame) ? Permission.read : Permission.none;
  }

  get grantedCount(): number {
    return this.#readers.size + this.#writers.size;
  }
}
