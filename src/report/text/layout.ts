/** Text in lines of a given width: wrapped sentences and aligned tables. */
import { harmless } from "./style.js";

/** Narrower than this no line can be wrapped sensibly. */
export const widthMin = 40;
/** Sentences are no wider than this, however wide the terminal is: longer lines are hard to read. */
const proseMax = 100;

/**
 * Break at spaces so that no line is longer than `width` and than what reads well, unless one word is.
 * @param first what begins the first line.
 * @param rest what begins every other one.
 */
export function wrap(text: string, width: number, first = "", rest = first): string[] {
  return brokenAtSpaces(text, Math.min(width, proseMax), first, rest);
}

function brokenAtSpaces(text: string, room: number, first: string, rest: string): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of harmless(text).split(" ")) {
    if (!empty && line.length + 1 + word.length > room) {
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
  /** Its words are wrapped before any column is left out. */
  readonly folds?: boolean;
}

/** A longer cell is hostile: no name or number is. */
const cellMax = 1000;
/** A column of words is not made narrower than this. */
const wordsMin = 16;
const indent = 2;
const gap = 2;

/**
 * A table with its columns aligned, two spaces apart, indented by two. Nothing is cut off: where it is wider than
 * `width`, the words of columns that fold are wrapped, spare columns are left out and named beneath it, then the words of
 * its last column are wrapped; what is still too wide is told row by row, each cell after its title.
 * @param width infinite where nothing breaks long lines
 * @returns the heading first, then the lines of the rows.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const clean = rows.map((row) => row.map((cell) => cut(harmless(cell), cellMax)));
  const widths = columns.map((column, c) =>
    clean.reduce((most, row) => Math.max(most, row[c]!.length), column.title.length),
  );
  const folded = widths.map((w, c) => (columns[c]!.folds === true ? Math.min(w, wordsMin) : w));
  const shown = fitting(columns, folded, width);
  const last = shown.at(-1)!;
  const folds = (c: number): boolean => columns[c]!.folds === true || (c === last && columns[c]!.align === "left");
  // The widest gives way first.
  for (const c of shown.filter(folds).sort((a, b) => widths[b]! - widths[a]!)) {
    const over = spanOf(shown, widths) - width;
    if (over > 0) widths[c] = Math.max(Math.min(widths[c]!, wordsMin), widths[c]! - over);
  }
  if (spanOf(shown, widths) > width) return rowByRow(columns, clean, width);
  const line = (cells: readonly string[]): string[] => {
    const parts = shown.map((c) => (folds(c) ? broken(cells[c]!, widths[c]!) : [cells[c]!]));
    const height = Math.max(...parts.map(({ length }) => length));
    return Array.from({ length: height }, (_, i) => {
      const padded = shown.map((c, n) => {
        const text = parts[n]![i] ?? "";
        return columns[c]!.align === "right" ? text.padStart(widths[c]!) : text.padEnd(widths[c]!);
      });
      return (" ".repeat(indent) + padded.join(" ".repeat(gap))).trimEnd();
    });
  };
  const left = columns.filter((_, c) => !shown.includes(c)).map(({ title }) => title);
  return [
    ...line(columns.map((column) => column.title)),
    ...clean.flatMap(line),
    ...(left.length === 0 ? [] : wrap(`(no room here for: ${left.join(", ")})`, width, " ".repeat(indent))),
  ];
}

/** Indices of the columns that are shown. */
function fitting(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  let shown = columns.map((_, c) => c);
  while (spanOf(shown, widths) > width) {
    const spare = shown.filter((c) => columns[c]!.spare !== undefined);
    if (spare.length === 0) break;
    const least = spare.reduce((a, b) => (columns[b]!.spare! > columns[a]!.spare! ? b : a));
    shown = shown.filter((c) => c !== least);
  }
  return shown;
}

const spanOf = (shown: readonly number[], widths: readonly number[]): number =>
  indent + shown.reduce((sum, c) => sum + widths[c]! + gap, -gap);

/** The text in lines of at most `width`, broken at spaces, and within words that are longer. */
function broken(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  return brokenAtSpaces(text, width, "", "").flatMap((line) => {
    const pieces = line.match(new RegExp(`.{1,${width}}`, "gu"));
    return pieces ?? [""];
  });
}

/** Each row as a sentence of its cells, for a screen that is too narrow for columns. */
function rowByRow(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const titles = columns.map(({ title }) => title);
  return [
    ...wrap(titles.join(", "), width, "  ", "    "),
    ...rows.flatMap((row) => {
      const cells = row.flatMap((cell, c) => (cell === "" ? [] : [c === 0 ? cell : `${titles[c]} ${cell}`]));
      return wrap(cells.join(", "), width, "  ", "    ");
    }),
  ];
}

/** At most `width` characters; what was cut off is marked. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
