/** How the options of a verb are stated: one row for each, from which help, checks, parsing and completion come. */

/** A text made into a value. @throws InvalidArgumentError that says what it takes. */
export type Parse = (text: string) => unknown;

/** What may stand after an option. */
export interface ValueForm {
  /** As help shows it: "<file>". */
  readonly shown: string;
  readonly parse?: Parse;
  /** A file to be read or written: shells complete it, and it cannot be empty. */
  readonly file?: true;
  /** All that it can be, or some of it: shells complete them. */
  readonly words?: () => Promise<readonly string[]>;
}

export interface OptionRow {
  /** Without dashes; one that begins with `no-` turns something off. */
  readonly name: string;
  /** null for a switch. */
  readonly value: ValueForm | null;
  readonly about: string;
  /** Heading in help. */
  readonly group: string;
  /** Forms of input that it goes with. */
  readonly forms: readonly string[];
  /** What it makes of the input: another form of it. */
  readonly makes?: string;
  /** May be given again: its values are gathered. */
  readonly many?: true;
  /** Another option without which it means nothing; `or` says what to give. */
  readonly needs?: { readonly option: string; readonly or: string };
  /** Options that it cannot stand beside, each with the reason. */
  readonly not?: Readonly<Record<string, string>>;
}

/** Each form of input with the words that messages and help have for it. */
export type Forms = Readonly<Record<string, string>>;

export interface VerbRow {
  readonly name: string;
  readonly about: string;
  readonly argument: { readonly name: string; readonly about: string };
  readonly forms: Forms;
  readonly options: readonly OptionRow[];
  /** A command as one would type it, and what it is for. */
  readonly examples: readonly (readonly [command: string, about: string])[];
  /** Paragraphs at the end of help. */
  readonly notes: readonly string[];
}

/** Rows of one heading in help. @param usual the forms that they go with, unless a row says otherwise */
export function under(group: string, usual: readonly string[]) {
  type More = Partial<Pick<OptionRow, "forms" | "makes" | "many" | "needs" | "not">>;
  return (name: string, value: ValueForm | null, about: string, more: More = {}): OptionRow => {
    return { name, value, about, group, forms: usual, ...more };
  };
}

const isOff = (row: OptionRow): boolean => row.name.startsWith("no-");

/** The name of the option's value among those of the parsed command line. */
export function keyOf(row: OptionRow): string {
  const name = isOff(row) ? row.name.slice(3) : row.name;
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The options that the user gave. @param flags values by key, as the command line was parsed */
export function givenOptions(verb: VerbRow, flags: object): OptionRow[] {
  const values = flags as Readonly<Record<string, unknown>>;
  return verb.options.filter((row) => {
    const value = values[keyOf(row)];
    return value !== undefined && value !== isOff(row);
  });
}
