/** Painting the slot map: one pixel for each cell into a hidden canvas, then stretched to what is in sight. */
import type { PageSlotMap } from "dmalab/report";

/** @param pixels colour of each cell value, as `pixelOf` gives them. */
export function paintCells(map: PageSlotMap, cells: Uint8Array, pixels: Uint32Array): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = map.columns;
  canvas.height = map.rows;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(map.columns, map.rows);
  const out = new Uint32Array(image.data.buffer);
  for (let i = 0; i < out.length; i++) out[i] = pixels[cells[i]!]!;
  context.putImageData(image, 0, 0);
  return canvas;
}

/** First slot of the row below `row` when nothing is left out between them; else where the row itself ends. */
export const rowEnd = (map: PageSlotMap, row: number): number => map.rowSlots[row]! + map.slotsPerRow;

/** Rows before which slots were left out, because their sets were never used. */
export function breaksOf(map: PageSlotMap): number[] {
  const breaks: number[] = [];
  for (let row = 1; row < map.rows; row++) if (map.rowSlots[row] !== rowEnd(map, row - 1)) breaks.push(row);
  return breaks;
}

/** Rows that begin a slot set. */
export function setsOf(map: PageSlotMap, setSlots: number): number[] {
  return map.rowSlots.flatMap((slot, row) => (slot % setSlots === 0 ? [row] : []));
}

export interface CellPlace {
  readonly column: number;
  readonly row: number;
}

/** The neighbouring cell whose value differs, in one direction; the last one there is when none does. */
export function nextChange(map: PageSlotMap, cells: Uint8Array, from: CellPlace, step: 1 | -1): CellPlace {
  const value = cells[from.row * map.columns + from.column];
  let column = from.column;
  while (column + step >= 0 && column + step < map.columns) {
    column += step;
    if (cells[from.row * map.columns + column] !== value) break;
  }
  return { column, row: from.row };
}
