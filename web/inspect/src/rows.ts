/** Where each page of physical memory stands on the map: rows of cells, with the empty stretches between left out. */
import type { Blocks } from "./columns.js";

export interface Extent {
  /** Pages; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
}

/** More pieces than this would be confetti: the largest gaps are left out, the others are drawn. */
const extentsMax = 24;
/** Pages of a gap that is not worth a break: 16 MiB. */
const gapMin = 4096;

/** All that is held by the image or reached by anyone, across small gaps. */
export function extentsOf(all: readonly Blocks[]): Extent[] {
  const edges = all.flatMap(({ count, from, to }) =>
    Array.from({ length: count }, (_, i) => [from[i]!, to[i]!] as const),
  );
  edges.sort((a, b) => a[0] - b[0]);
  const gaps: Extent[] = [];
  let end = edges[0]?.[0] ?? 0;
  for (const [from, to] of edges) {
    if (from - end >= gapMin) gaps.push({ from: end, to: from });
    end = Math.max(end, to);
  }
  const begin = edges[0]?.[0] ?? 0;
  const kept = gaps.sort((a, b) => b.to - b.from - (a.to - a.from)).slice(0, extentsMax - 1);
  kept.sort((a, b) => a.from - b.from);
  const cuts = [begin < gapMin ? 0 : begin, ...kept.flatMap((g) => [g.from, g.to]), Math.max(end, begin + 1)];
  return Array.from({ length: cuts.length / 2 }, (_, i) => ({ from: cuts[2 * i]!, to: cuts[2 * i + 1]! }));
}

/** Rows of one zoom. */
export interface RowPlan {
  /** A power of two. */
  readonly pagesPerCell: number;
  readonly columns: number;
  readonly pagesPerRow: number;
  readonly rowCount: number;
  /** For each extent the page that its first row begins with, and the number of that row. */
  readonly parts: readonly { readonly from: number; readonly firstRow: number; readonly extent: Extent }[];
}

export function rowPlan(extents: readonly Extent[], columns: number, pagesPerCell: number): RowPlan {
  const pagesPerRow = columns * pagesPerCell;
  const parts: { from: number; firstRow: number; extent: Extent }[] = [];
  let rowCount = 0;
  for (const extent of extents) {
    const last = parts.at(-1);
    const from = Math.floor(extent.from / pagesPerRow) * pagesPerRow;
    // Two pieces in one row are one piece: an address has one place.
    const joins = last !== undefined && from < last.from + (rowCount - last.firstRow) * pagesPerRow;
    if (joins) last.extent = { from: last.extent.from, to: extent.to };
    else parts.push({ from, firstRow: rowCount, extent });
    const part = parts.at(-1)!;
    rowCount = part.firstRow + Math.ceil((extent.to - part.from) / pagesPerRow);
  }
  return { pagesPerCell, columns, pagesPerRow, rowCount, parts };
}

/** The finest zoom at which everything fits into so many rows. */
export function wholePlan(extents: readonly Extent[], columns: number, rowsMax: number): RowPlan {
  let pagesPerCell = 1;
  let plan = rowPlan(extents, columns, pagesPerCell);
  while (plan.rowCount > Math.max(rowsMax, extents.length) && pagesPerCell < 2 ** 44) {
    pagesPerCell *= 2;
    plan = rowPlan(extents, columns, pagesPerCell);
  }
  return plan;
}

/** The extent of a row, and the page that the row begins with. */
export function rowAt({ parts, pagesPerRow }: RowPlan, row: number): { page: number; extent: Extent; first: boolean } {
  let part = parts[0]!;
  for (const next of parts) if (next.firstRow <= row) part = next;
  return {
    page: part.from + (row - part.firstRow) * pagesPerRow,
    extent: part.extent,
    first: row === part.firstRow && part !== parts[0],
  };
}

/** The row that shows a page; of a page that is left out, the nearest one before. */
export function rowOf({ parts, pagesPerRow, rowCount }: RowPlan, page: number): number {
  let part = parts[0]!;
  for (const next of parts) if (next.from <= page) part = next;
  const row = part.firstRow + Math.floor(Math.max(0, Math.min(page, part.extent.to - 1) - part.from) / pagesPerRow);
  return Math.min(rowCount - 1, row);
}
