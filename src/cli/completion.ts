/** Completion scripts, made from the commands themselves. */
import type { Command } from "commander";
import { AskedWrongly } from "./misuse.js";

export const shells = ["bash", "zsh", "fish"] as const;

/** @throws AskedWrongly for a shell that is not listed. */
export function completion(shell: string, top: Command): string {
  const commands = top.commands.map((c) => ({
    name: c.name(),
    about: c.description(),
    options: c.options.map((o) => ({ name: o.long!, about: o.description, takesFile: /<file>/.test(o.flags) })),
  }));
  switch (shell) {
    case "bash":
    case "zsh":
      return bash(commands, shell === "zsh");
    case "fish":
      return fish(commands);
    default:
      throw new AskedWrongly(`completion for ${shell} is not known; there is ${shells.join(", ")}`);
  }
}

interface Told {
  readonly name: string;
  readonly about: string;
  readonly options: readonly { readonly name: string; readonly about: string; readonly takesFile: boolean }[];
}

function bash(commands: readonly Told[], zsh: boolean): string {
  const cases = commands.map((c) => `    ${c.name}) words="${c.options.map((o) => o.name).join(" ")} --help" ;;`);
  return [
    ...(zsh ? ["autoload -U +X bashcompinit && bashcompinit"] : []),
    "_dmalab() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" words=""',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    "  esac",
    `  if [ "$COMP_CWORD" = 1 ]; then words="${commands.map((c) => c.name).join(" ")} --help --version"; fi`,
    '  if [ "$COMP_CWORD" = 1 ] || [ "${current#-}" != "$current" ]; then',
    '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "  else",
    '    COMPREPLY=($(compgen -f -- "$current"))',
    "  fi",
    "}",
    "complete -o filenames -F _dmalab dmalab",
    "",
  ].join("\n");
}

function fish(commands: readonly Told[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap((c) => [
    `complete -c dmalab -n __fish_use_subcommand -f -a ${c.name} -d ${quoted(c.about)}`,
    ...c.options.map((o) => {
      const file = o.takesFile ? " -r -F" : "";
      return `complete -c dmalab -n '__fish_seen_subcommand_from ${c.name}' -l ${o.name.slice(2)}${file} -d ${quoted(o.about)}`;
    }),
  ]);
  return `${lines.join("\n")}\n`;
}
