/** What help says after the list of options: examples, which options go with which input, and what else is to be known. */
import { wrap } from "../../report/text/layout.js";
import type { VerbRow } from "./option.js";

/** Commands up to this length have what they are for beside them. */
const besideMax = 48;

export function helpAfter(verb: VerbRow, width: number): string[] {
  return [
    "Examples:",
    ...exampleLines(verb, width),
    "",
    "Which options go with which input:",
    ...inputLines(verb, width),
    ...verb.notes.flatMap((note) => ["", ...note.split("\n").flatMap((line) => wrap(line, width, "", indentOf(line)))]),
  ];
}

const indentOf = (line: string): string => /^ */.exec(line)![0];

function exampleLines({ examples }: VerbRow, width: number): string[] {
  const column = Math.min(besideMax, Math.max(...examples.map(([command]) => command.length)));
  const besides = examples.map(([command, about]) => `  ${command.padEnd(column)}  ${about}`);
  const fits = besides.every((line, i) => line.length <= width || examples[i]![0].length > column);
  return examples.flatMap(([command, about], i) =>
    fits && command.length <= column ? [besides[i]!] : [`  ${command}`, ...wrap(about, width, "      ")],
  );
}

function inputLines({ forms, options }: VerbRow, width: number): string[] {
  const count = Object.keys(forms).length;
  const rows = Object.entries(forms).map(([form, words]) => {
    const own = options.filter((o) => o.forms.length < count && o.forms.includes(form) && o.makes !== form);
    return [words, own.map((o) => `--${o.name}`).join(" ")] as const;
  });
  const all = options.filter((o) => o.forms.length === count).map((o) => `--${o.name}`);
  return [...rows, ["every input", all.join(" ")] as const].flatMap(([words, names]) =>
    names === "" ? [] : wrap(`${words}: ${names}`, width, "  ", "      "),
  );
}
