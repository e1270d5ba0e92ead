/** The command as a function: arguments in, what is printed on the host's streams, an exit code out. */
import { CommanderError } from "commander";
import { Broken, Misuse } from "../base/assert.js";
import { Unreadable } from "../read/unreadable.js";
import { harmless } from "../report/text/style.js";
import { toAscii } from "./host/ascii.js";
import { reason } from "./host/descriptor.js";
import { type Host, Interrupted, interruptedCode } from "./host/host.js";
import { AskedWrongly, Unwritable } from "./host/misuse.js";
import { screenOf } from "./host/terminal.js";
import { program } from "./program.js";

/**
 * @param args what follows the command's name
 * @returns 0 done and nothing wrong, 1 ran and found trouble, 2 asked wrongly, unreadable input or no place for output,
 *   130 ended by the user.
 */
export async function command(args: readonly string[], host: Host): Promise<number> {
  let code = 0;
  try {
    await program(host, (c) => {
      code = c;
    }).parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interrupted) return interruptedCode;
    tell(host, wordsOf(error));
    if (host.env["DMALAB_DEBUG"] !== undefined && error instanceof Error) host.stderr.write(`${error.stack}\n`);
    return 2;
  }
}

/** What went wrong: one line, or one for each mistake of a file. */
function wordsOf(error: unknown): string {
  const isTold = [Unreadable, Misuse, AskedWrongly, Unwritable].some((kind) => error instanceof kind);
  if (isTold) return (error as Error).message;
  const { code, path } = error as { code?: unknown; path?: unknown };
  if (error instanceof Broken || typeof code !== "string") {
    const what = error instanceof Error ? error.message : String(error);
    return `this is a bug in dmalab: ${what} (DMALAB_DEBUG=1 shows where; please report it)`;
  }
  return `${typeof path === "string" ? `${path}: ` : ""}${reason(error)}`;
}

function tell(host: Host, words: string): void {
  const line = `dmalab: ${words.split("\n").map(harmless).join("\n")}`;
  try {
    host.stderr.write(`${screenOf(host).signs ? line : toAscii(line)}\n`);
  } catch (error) {
    // Nobody is left to be told.
    if (!(error instanceof Unwritable)) throw error;
  }
}
