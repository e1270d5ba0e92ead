/** The pool at one instant: who held which slots, as rectangles and as numbers. */

export interface Held {
  /** Index of the device, -1 = unknown. */
  readonly device: number;
  readonly slots: number;
}

export interface FreeRun {
  readonly slot: number;
  readonly count: number;
}

/** @param flat slot, count, device, again and again. @returns slots by device, the most first. */
export function heldBy(flat: readonly number[]): Held[] {
  const slots = new Map<number, number>();
  for (let i = 0; i + 2 < flat.length; i += 3) {
    slots.set(flat[i + 2]!, (slots.get(flat[i + 2]!) ?? 0) + flat[i + 1]!);
  }
  return [...slots].map(([device, count]) => ({ device, slots: count })).sort((a, b) => b.slots - a.slots);
}

/** The longest run of free slots inside one set; null when the pool is full. */
export function longestFree(flat: readonly number[], poolSlots: number, setSlots: number): FreeRun | null {
  let best: FreeRun | null = null;
  const gap = (from: number, end: number): void => {
    for (let slot = from; slot < end; ) {
      const next = Math.min(end, (Math.floor(slot / setSlots) + 1) * setSlots);
      if (best === null || next - slot > best.count) best = { slot, count: next - slot };
      slot = next;
    }
  };
  let free = 0;
  for (let i = 0; i + 2 < flat.length; i += 3) {
    gap(free, flat[i]!);
    free = flat[i]! + flat[i + 1]!;
  }
  gap(free, poolSlots);
  return best;
}

/** How the sets are laid out in a box: each row holds so many sets side by side. */
export interface Grid {
  readonly setsPerRow: number;
  readonly rows: number;
  /** Pixels of one slot across; below 1 for a large pool in a small box. */
  readonly slotWidth: number;
  readonly rowHeight: number;
  readonly height: number;
}

/** Space between two sets, and between two rows, in pixels. */
export const setGap = 4;

/** @param width pixels of the box. A slot is one pixel wide at least while that leaves the picture short enough. */
export function gridOf(poolSlots: number, setSlots: number, width: number): Grid {
  const sets = Math.ceil(poolSlots / setSlots);
  let setsPerRow = 1;
  const rowsMax = 16;
  while (Math.ceil(sets / setsPerRow) > rowsMax && width / (setsPerRow * 2) >= setSlots) setsPerRow *= 2;
  const rows = Math.ceil(sets / setsPerRow);
  const rowHeight = rows <= 8 ? 18 : rows <= 32 ? 8 : rows <= 128 ? 4 : 2;
  const gap = rowHeight > 4 ? setGap : 1;
  const slotWidth = (width - (setsPerRow - 1) * setGap) / (setsPerRow * setSlots);
  return { setsPerRow, rows, slotWidth, rowHeight, height: rows * (rowHeight + gap) - gap };
}

/** Call `draw` with a rectangle for every part of `count` slots from `slot`; parts end where their set does. */
export function eachPart(
  grid: Grid,
  setSlots: number,
  { slot, count }: FreeRun,
  draw: (x: number, y: number, width: number, height: number) => void,
): void {
  const gap = grid.rowHeight > 4 ? setGap : 1;
  for (let at = slot; at < slot + count; ) {
    const set = Math.floor(at / setSlots);
    const end = Math.min(slot + count, (set + 1) * setSlots);
    const x = (set % grid.setsPerRow) * (setSlots * grid.slotWidth + setGap) + (at % setSlots) * grid.slotWidth;
    const y = Math.floor(set / grid.setsPerRow) * (grid.rowHeight + gap);
    draw(x, y, (end - at) * grid.slotWidth, grid.rowHeight);
    at = end;
  }
}
