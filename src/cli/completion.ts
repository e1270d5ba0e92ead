/** Completion scripts of shells, made from the verbs' tables. */
import { didYouMean } from "../base/nearest.js";
import { AskedWrongly } from "./host/misuse.js";
import type { OptionRow, VerbRow } from "./options/option.js";

const writers = { bash, zsh, fish } as const;
export const shells = Object.keys(writers) as (keyof typeof writers)[];

/** An option with the words that its value can be; null where these are not a few words. */
interface Completed {
  readonly row: OptionRow;
  readonly words: readonly string[] | null;
}

interface CompletedVerb {
  readonly verb: VerbRow;
  readonly options: readonly Completed[];
}

/** @throws AskedWrongly for a shell that is not listed. */
export async function completion(shell: string, verbs: readonly VerbRow[]): Promise<string> {
  if (!Object.hasOwn(writers, shell)) {
    throw new AskedWrongly(`no completion for ${shell}${didYouMean(shell, shells)}; there is ${shells.join(", ")}`);
  }
  const completed = verbs.map(async (verb) => ({
    verb,
    options: await Promise.all(
      verb.options.map(async (row) => ({
        row,
        words: row.value?.words === undefined ? null : await row.value.words(),
      })),
    ),
  }));
  return writers[shell as keyof typeof writers](await Promise.all(completed));
}

/** Verbs without a table, each with what may follow it. */
const plain = (verbs: readonly CompletedVerb[]) =>
  [
    ["completion", "Print a completion script", shells as readonly string[]],
    ["help", "Print what a verb takes", [...verbs.map(({ verb }) => verb.name), "completion"]],
  ] as const;

const names = (verbs: readonly CompletedVerb[]): string[] => [
  ...verbs.map(({ verb }) => verb.name),
  ...plain(verbs).map(([name]) => name),
];

function bash(verbs: readonly CompletedVerb[]): string {
  const values = verbs.flatMap(({ verb, options }) =>
    options.flatMap(({ row, words }) => {
      if (row.value === null) return [];
      const reply = words !== null ? `words="${words.join(" ")}"` : row.value.file === true ? "files=1" : "return";
      return [`    "${verb.name} --${row.name}") ${reply} ;;`];
    }),
  );
  const options = verbs.map(({ verb }) => {
    const all = [...verb.options.map((row) => `--${row.name}`), "--help"];
    return `      ${verb.name}) words="${all.join(" ")}" ;;`;
  });
  return [
    "_dmalab() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" verb="${COMP_WORDS[1]}" words="" files=""',
    '  local before="${COMP_WORDS[COMP_CWORD-1]}"',
    "  # --color=always is three words to bash.",
    '  if [ "$before" = "=" ]; then before="${COMP_WORDS[COMP_CWORD-2]}"; fi',
    '  if [ "$current" = "=" ]; then current=""; fi',
    '  case "$verb $before" in',
    ...values,
    ...plain(verbs).map(([name, , words]) => `    "${name} ${name}") words="${words.join(" ")}" ;;`),
    "  esac",
    `  if [ "$COMP_CWORD" = 1 ]; then words="${names(verbs).join(" ")} --help --version"; fi`,
    '  if [ -z "$words$files" ]; then',
    '    case "$current" in -*) case "$verb" in',
    ...options,
    "    esac ;; *) files=1 ;; esac",
    "  fi",
    '  if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current"));',
    '  else COMPREPLY=($(compgen -f -- "$current")); fi',
    "}",
    "complete -o filenames -F _dmalab dmalab",
    "",
  ].join("\n");
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function zsh(verbs: readonly CompletedVerb[]): string {
  const told = (text: string) => text.replace(/[[\]:\\]/g, "\\$&");
  const option = ({ row, words }: Completed): string => {
    const others = Object.keys(row.not ?? {}).map((name) => `--${name}`);
    const apart = row.many === true ? "*" : `(${[`--${row.name}`, ...others].join(" ")})`;
    if (row.value === null) return quoted(`${apart}--${row.name}[${told(row.about)}]`);
    const action = words !== null ? `(${words.join(" ")})` : row.value.file === true ? "_files" : " ";
    return quoted(`${apart}--${row.name}=[${told(row.about)}]:${told(row.value.shown)}:${action}`);
  };
  return [
    "#compdef dmalab",
    "_dmalab() {",
    "  if (( CURRENT == 2 )); then",
    "    local -a verbs=(",
    ...verbs.map(({ verb }) => `      ${quoted(`${verb.name}:${told(verb.about)}`)}`),
    ...plain(verbs).map(([name, about]) => `      ${quoted(`${name}:${about}`)}`),
    "    )",
    "    _describe verb verbs",
    "    return",
    "  fi",
    "  local verb=$words[2]",
    "  shift words",
    "  (( CURRENT-- ))",
    "  case $verb in",
    ...verbs.flatMap(({ verb, options }) => [
      `    ${verb.name}) _arguments \\`,
      ...options.map((o) => `      ${option(o)} \\`),
      `      ${quoted(`1:${told(verb.argument.name)}:_files`)} ;;`,
    ]),
    ...plain(verbs).map(([name, , words]) => `    ${name}) _arguments ${quoted(`1:what:(${words.join(" ")})`)} ;;`),
    "  esac",
    "}",
    "# Sourced, or found by the shell in its path of functions.",
    'if [ "$funcstack[1]" = _dmalab ]; then _dmalab "$@"',
    "else",
    "  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }",
    "  compdef _dmalab dmalab",
    "fi",
    "",
  ].join("\n");
}

function fish(verbs: readonly CompletedVerb[]): string {
  const said = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const lines = [
    ...verbs.map(({ verb }) => `complete -c dmalab -n __fish_use_subcommand -f -a ${verb.name} -d ${said(verb.about)}`),
    ...plain(verbs).flatMap(([name, about, words]) => [
      `complete -c dmalab -n __fish_use_subcommand -f -a ${name} -d ${said(about)}`,
      `complete -c dmalab -n '__fish_seen_subcommand_from ${name}' -f -a ${said(words.join(" "))}`,
    ]),
    ...verbs.flatMap(({ verb, options }) =>
      options.map(({ row, words }) => {
        const value =
          row.value === null
            ? ""
            : words !== null
              ? ` -x -a ${said(words.join(" "))}`
              : row.value.file
                ? " -r -F"
                : " -x";
        const when = `'__fish_seen_subcommand_from ${verb.name}'`;
        return `complete -c dmalab -n ${when} -l ${row.name}${value} -d ${said(row.about)}`;
      }),
    ),
  ];
  return `${lines.join("\n")}\n`;
}
