/** Signs of reports in ASCII, for locales without them. A line keeps its columns where a sign has one letter. */
const letters: Readonly<Record<string, string>> = {
  "✓": "v",
  "✗": "x",
  "⚠": "!",
  "·": "-",
  "•": "-",
  "–": "-",
  "—": "--",
  "…": "...",
  "×": "x",
  "→": "->",
  "←": "<-",
  "≥": ">=",
  "≤": "<=",
  "≠": "!=",
  "≈": "~",
  "±": "+-",
  "°": "o",
  µ: "u",
  "“": '"',
  "”": '"',
  "‘": "'",
  "’": "'",
  " ": " ",
  "░": ".",
  // Heights of the pool's line over time, each of them told from the others.
  "▁": "_",
  "▂": ".",
  "▃": "-",
  "▄": "=",
  "▅": "+",
  "▆": "*",
  "▇": "%",
  "█": "#",
};

/** @returns the text in ASCII; what no letter stands for, as in a name that the user gave, becomes a question mark. */
export function toAscii(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and line ends are ASCII too
  return text.replace(/[^\x00-\x7f]/gu, (sign) => letters[sign] ?? "?");
}
