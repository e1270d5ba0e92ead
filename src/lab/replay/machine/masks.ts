/**
 * The DMA masks of devices over the time of a recording.
 *
 * Only `swiotlb_bounced` prints a mask. A driver may set another one at any time, and a wider one shows only by what is
 * mapped directly above the old: then the device reaches at least as far. Source: Linux kernel/dma/mapping.c,
 * dma_set_mask; kernel/dma/direct.h, dma_capable.
 */

/** Changes kept for each device; a driver that changes its mask more often is followed no further. */
const changesMax = 1024;

export interface MaskAt {
  /** Highest address that the device reaches; NaN when nothing shows it. */
  readonly mask: number;
  /** Whether the kernel printed it; false: the device reaches at least this far. */
  readonly printed: boolean;
}

interface Change extends MaskAt {
  readonly time: number;
}

const unknown: MaskAt = { mask: Number.NaN, printed: false };

export class DeviceMasks {
  readonly #changes: Change[][] = [];
  readonly #stated = new Set<number>();
  /** Highest byte that a device reached before its first mask was printed. */
  readonly #early: number[] = [];

  /** `swiotlb_bounced` printed this mask. @param time microseconds, in order */
  printed(device: number, time: number, mask: number): void {
    if (Number.isNaN(mask)) return;
    const known = this.#of(device);
    const last = known.at(-1);
    if (last?.mask === mask && last.printed) return;
    if (known.length < changesMax) known.push({ time, mask, printed: true });
  }

  /** A buffer whose last byte is `last` was mapped where it lies: no mask below that held any more. */
  reached(device: number, time: number, last: number): void {
    const known = this.#changes[device];
    if (known === undefined) {
      if (!(last <= this.#early[device]!)) this.#early[device] = last;
      return;
    }
    if (last > known.at(-1)!.mask && known.length < changesMax) known.push({ time, ...reaching(last) });
  }

  /** A mask that is stated for the device holds all the time. */
  described(device: number, mask: number): void {
    this.#changes[device] = [{ time: Number.NEGATIVE_INFINITY, mask, printed: true }];
    this.#stated.add(device);
  }

  /** Whether the device's mask was stated, so that what events print of it does not count. */
  isStated(device: number): boolean {
    return this.#stated.has(device);
  }

  /** The mask that held at `time`; before the first that was printed, that one, unless more was reached. */
  at(device: number, time: number): MaskAt {
    const known = this.#changes[device];
    if (known === undefined) return unknown;
    const early = this.#early[device] ?? Number.NEGATIVE_INFINITY;
    if (time < known[0]!.time && early > known[0]!.mask) return reaching(early);
    let k = known.length - 1;
    while (k > 0 && known[k]!.time > time) k--;
    return known[k]!;
  }

  /** Whether the mask at `time` was learnt from a mapping at that very time. */
  learntAt(device: number, time: number): boolean {
    return this.#changes[device]?.some((c) => c.time === time && !c.printed) ?? false;
  }

  /** Smallest mask that was printed for the device; NaN when none was. */
  smallest(device: number): number {
    const printed = (this.#changes[device] ?? []).filter((c) => c.printed).map((c) => c.mask);
    return printed.length === 0 ? Number.NaN : Math.min(...printed);
  }

  /** All changes of the device after its first mask, in order of time. */
  changes(device: number): readonly Change[] {
    return (this.#changes[device] ?? []).slice(1);
  }

  #of(device: number): Change[] {
    return (this.#changes[device] ??= []);
  }
}

/** A mask that reaches a byte, and no more than it must. */
const reaching = (last: number): MaskAt => ({ mask: 2 ** Math.ceil(Math.log2(last + 1)) - 1, printed: false });

/** "32 bits", "at least 33 bits". */
export function maskWords({ mask, printed }: MaskAt): string {
  return `${printed ? "" : "at least "}${Math.round(Math.log2(mask + 1))} bits`;
}
