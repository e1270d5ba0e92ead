/** Colour for a terminal that has it. Without colour every function gives its text back, so lines stay comparable. */

/** Source: ECMA-48 select graphic rendition, the parameters that every terminal knows. */
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

type Paint = (text: string) => string;
export type Style = Readonly<Record<keyof typeof codes, Paint>>;

export function styleFor(color: boolean): Style {
  const paint = ([on, off]: readonly [number, number]): Paint =>
    color ? (text) => (text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`) : (text) => text;
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
    cyan: paint(codes.cyan),
  };
}

/**
 * The text without control characters: a device's name or a line of a log must not be able to move the cursor.
 * Tabs and line ends become spaces; what reorders text (U+202A to U+202E, U+2066 to U+2069) is removed too.
 */
export function harmless(text: string): string {
  return text.replace(/[\t\r\n\u2028\u2029]+/g, " ").replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "");
}
