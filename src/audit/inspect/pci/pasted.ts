/** Text as it is pasted: quoted in a mail, indented, with the line ends of another system. */

/** Marks of a quotation before a line: `> `, `>> `, `> > `. */
const quotation = /^(?:[ \t]*>)+ ?/;
/** A bar that is drawn before each line. A tree draws its own, which mean something. */
const bar = /^[ \t]*[|] ?/;
const treeLine = /^[ \t|]*[-+\\`]+[-[]/;

/** The lines, without what mail and web put before and behind them. */
export function pastedLines(text: string): string[] {
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .map((line) => line.replaceAll("\u00a0", " ").trimEnd().replace(quotation, ""));
  return hasTree(lines) ? lines : lines.map((line) => line.replace(bar, ""));
}

/** Are there lines as `lspci -t` draws them? */
export const hasTree = (lines: readonly string[]): boolean => lines.some((line) => treeLine.test(line));
