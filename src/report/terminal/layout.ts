/** Text in lines of a given width: wrapped sentences and aligned tables. */
import { harmless } from "./style.js";

/** Narrower than this no line can be wrapped sensibly. */
export const widthMin = 40;

/**
 * Break at spaces so that no line is longer than `width`, unless one word is.
 * @param indent what begins every line after the first.
 */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of harmless(text).split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

/**
 * A table with its columns aligned, two spaces apart; the last column takes what is left of the width and is cut.
 * @returns the heading first, then one line for each row.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const clean = rows.map((row) => row.map(harmless));
  const widths = columns.map((column, c) => Math.max(column.title.length, ...clean.map((row) => row[c]!.length)));
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, c) =>
      columns[c]!.align === "right" ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!),
    );
    return cut(padded.join("  ").trimEnd(), width);
  };
  return [line(columns.map((column) => column.title)), ...clean.map(line)];
}

/** At most `width` characters; what was cut off is marked. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
