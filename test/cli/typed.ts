/** Command lines as one types them, run in this process: `dmesg | dmalab why -`, `dmalab run trace.dat --json | jq .exact`. */
import { type Called, dmalab } from "./called.js";

/** A command's words as a shell would have them; quotes are the only syntax. */
export function wordsOf(line: string): string[] {
  return (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, "$1"));
}

/**
 * @param place where a file that the line names is; the name itself for one that is not in a reader's folder
 * @param log what a program before the command prints
 */
export function typed(line: string, place: (name: string) => string, log: Uint8Array): Promise<Called> {
  const [before] = line.split("dmalab ");
  // What stands after the command only looks at what it prints.
  const [own] = line.slice(before!.length).split(" | ");
  return dmalab(wordsOf(own!).slice(1).map(place), before!.includes("|") ? { input: log } : {});
}
