/** Text in lines of a given width: wrapped sentences and aligned tables. */
import { harmless } from "./style.js";

/** Narrower than this no line can be wrapped sensibly. */
export const widthMin = 40;

/**
 * Break at spaces so that no line is longer than `width`, unless one word is.
 * @param first what begins the first line.
 * @param rest what begins every other one.
 */
export function wrap(text: string, width: number, first = "", rest = first): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of harmless(text).split(" ")) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}

export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
  /** Left out, the highest number first, while the table is wider than the terminal. */
  readonly spare?: number;
}

/**
 * A table with its columns aligned, two spaces apart, indented by two. What is still too wide is cut.
 * @returns the heading first, then one line for each row.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const clean = rows.map((row) => row.map(harmless));
  const widths = columns.map((column, c) =>
    clean.reduce((most, row) => Math.max(most, row[c]!.length), column.title.length),
  );
  const shown = fitting(columns, widths, width);
  const line = (cells: readonly string[]): string => {
    const padded = shown.map((c) =>
      columns[c]!.align === "right" ? cells[c]!.padStart(widths[c]!) : cells[c]!.padEnd(widths[c]!),
    );
    return cut(`  ${padded.join("  ").trimEnd()}`, width);
  };
  return [line(columns.map((column) => column.title)), ...clean.map(line)];
}

/** Indices of the columns that are shown. */
function fitting(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  let shown = columns.map((_, c) => c);
  while (shown.reduce((sum, c) => sum + widths[c]! + 2, 0) > width) {
    const spare = shown.filter((c) => columns[c]!.spare !== undefined);
    if (spare.length === 0) break;
    const least = spare.reduce((a, b) => (columns[b]!.spare! > columns[a]!.spare! ? b : a));
    shown = shown.filter((c) => c !== least);
  }
  return shown;
}

/** At most `width` characters; what was cut off is marked. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
