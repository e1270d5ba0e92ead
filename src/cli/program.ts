/**
 * The verbs and their options as the argument parser takes them, made from the tables in `options/`. What a verb does is
 * loaded when it is called: help and completion are immediate.
 */
import { readFileSync } from "node:fs";
import { Command, type CommanderError, InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../base/nearest.js";
import { completion, shells } from "./completion.js";
import { packageFile } from "./files/package_file.js";
import { toAscii } from "./host/ascii.js";
import type { Host } from "./host/host.js";
import { AskedWrongly } from "./host/misuse.js";
import { screenOf } from "./host/terminal.js";
import { checkTogether } from "./options/check.js";
import { checkVerb } from "./options/check_options.js";
import { helpAfter } from "./options/help.js";
import { inspectVerb } from "./options/inspect_options.js";
import type { OptionRow, VerbRow } from "./options/option.js";
import { runVerb } from "./options/run_options.js";
import { whyVerb } from "./options/why_options.js";
import type { Session, SessionFlags } from "./session/session.js";

type Body = (subject: string | undefined, flags: object, session: Session) => Promise<number>;

/** The verbs with what they do. */
const verbs: readonly (readonly [verb: VerbRow, body: () => Promise<Body>])[] = [
  [runVerb, async () => (await import("./run/run.js")).run],
  [whyVerb, async () => (await import("./why/why.js")).why],
  [inspectVerb, async () => (await import("./inspect/inspect.js")).inspect],
  [checkVerb, async () => (await import("./check/check.js")).check],
];

export const verbRows: readonly VerbRow[] = verbs.map(([verb]) => verb);

/** Help is no wider than this on a wide terminal. */
const helpWidthMax = 120;

/** @param exit is told the exit code of the verb that ran */
export function program(host: Host, exit: (code: number) => void): Command {
  const screen = screenOf(host);
  const helpWidth = Math.min(screen.width, helpWidthMax);
  const shown = (text: string) => (screen.signs ? text : toAscii(text));
  const top = new Command("dmalab")
    .description("What happens to every DMA address in a virtualised machine.")
    .version(version(), "-V, --version")
    .helpCommand(false)
    .configureHelp({ minWidthToWrap: 16 })
    .exitOverride(refuse)
    .configureOutput({
      writeOut: (text) => void host.stdout.write(shown(text)),
      writeErr: (text) => void host.stderr.write(shown(text)),
      outputError: () => {},
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const [verb, body] of verbs) {
    const command = top
      .command(verb.name)
      .description(verb.about)
      .argument(`[${verb.argument.name}]`, verb.argument.about)
      .addHelpText("after", () => `\n${helpAfter(verb, helpWidth).join("\n")}`)
      .exitOverride(refuse)
      .action(async (subject: string | undefined, flags: SessionFlags) => {
        checkTogether(verb, flags);
        const [run, { Session }] = await Promise.all([body(), import("./session/session.js")]);
        const session = new Session(host, flags);
        try {
          exit(await run(subject, flags, session));
        } finally {
          session.end();
          host.settle();
        }
      });
    for (const row of verb.options) command.addOption(optionOf(row));
    command.helpOption("-h, --help", "print this");
  }
  top
    .command("completion")
    .description("Print a completion script: source <(dmalab completion bash)")
    .argument("<shell>", shells.join(", "))
    .exitOverride(refuse)
    .action(async (shell: string) => void host.stdout.write(await completion(shell, verbRows)));
  top
    .command("help")
    .description("Print what a verb takes.")
    .argument("[verb]", "run, why, inspect, check, completion")
    .exitOverride(refuse)
    .action((name: string | undefined) => {
      const command = name === undefined ? top : top.commands.find((c) => c.name() === name);
      if (command === undefined) throw new AskedWrongly(`no verb ${name}${verbMeant(name!)}`);
      command.outputHelp();
    });
  return top;
}

function optionOf(row: OptionRow): Option {
  const option = new Option(`--${row.name}${row.value === null ? "" : ` ${row.value.shown}`}`, row.about);
  option.helpGroup(row.group);
  if (row.value === null) return option;
  const { parse = (text: string) => text } = row.value;
  return option.argParser((text: string, before: unknown) => {
    const value = parse(text);
    if (row.many === true) return [...((before as readonly unknown[] | undefined) ?? []), value];
    if (before !== undefined) throw new InvalidArgumentError("It was given before: once is all it takes.");
    return value;
  });
}

/** The parser's own refusals become one line of ours; help and version are no refusals. */
function refuse(error: CommanderError): never {
  if (error.exitCode === 0 || error.code === "commander.help") throw error;
  const words = error.message.replace(/^error: /, "").replace(/\n\(Did you mean/, " (did you mean");
  throw new AskedWrongly(`${words.replaceAll("\n", " ")}${elsewhere(error)} (--help shows what there is)`);
}

/** Where an option that is unknown here does exist. */
function elsewhere(error: CommanderError): string {
  const [, name] = error.code === "commander.unknownOption" ? (/'--([^'=]+)/.exec(error.message) ?? []) : [];
  const others = verbRows.filter((verb) => verb.options.some((row) => row.name === name)).map((verb) => verb.name);
  return others.length === 0 ? "" : `; ${others.join(" and ")} ${others.length === 1 ? "has" : "have"} it`;
}

const verbMeant = (name: string): string =>
  didYouMean(name, [...verbRows.map((verb) => verb.name), "completion", "help"]);

function version(): string {
  return (JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string }).version;
}
