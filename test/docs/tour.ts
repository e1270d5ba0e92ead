/** The commands that the README shows, with the lines that it shows of what they print. */

export interface TourCommand {
  /** As one would type it. */
  readonly line: string;
  /** What is shown of its output; `...` stands for lines that are left out, and at the end of a line for its rest. */
  readonly shown: readonly string[];
}

/** Commands of every block that one would type into a shell, in order. @param text Markdown */
export function tourOf(text: string): TourCommand[] {
  return [...text.matchAll(/^```(console|sh)\n([\s\S]*?)^```$/gm)].flatMap(([, kind, block]) => {
    const lines = block!.trimEnd().split("\n");
    if (kind === "sh") return lines.flatMap((line) => (isCommand(line) ? [{ line: bare(line), shown: [] }] : []));
    const commands: { line: string; shown: string[] }[] = [];
    for (const line of lines) {
      if (line.startsWith("$ ")) commands.push({ line: bare(line.slice(2)), shown: [] });
      else commands.at(-1)!.shown.push(line);
    }
    return commands
      .filter(({ line }) => isCommand(line))
      .map(({ line, shown }) => ({ line, shown: shown.join("\n").trimEnd().split("\n") }))
      .map((command) => (command.shown[0] === "" ? { ...command, shown: [] } : command));
  });
}

const isCommand = (line: string): boolean => /(^|\| )dmalab /.test(line);

/** Without the remark at its end. */
const bare = (line: string): string => line.replace(/\s+#.*$/, "").trim();

/** Words of a command that name files of this package. */
export const packageFiles = (line: string): string[] => line.match(/(?<=\s)(?:fixtures|machines)\/\S+/g) ?? [];

/** The first shown line that is not where it should be among those printed; null when all are. */
export function missingLine(shown: readonly string[], printed: readonly string[]): string | null {
  let at = 0;
  let anywhere = false;
  for (const line of shown) {
    if (line.trim() === "...") {
      anywhere = true;
      continue;
    }
    const isIt = (candidate: string | undefined) =>
      line.endsWith(" ...") ? candidate?.startsWith(line.slice(0, -4)) === true : candidate === line;
    const found = anywhere ? printed.findIndex((candidate, i) => i >= at && isIt(candidate)) : at;
    if (found < 0 || !isIt(printed[found])) return line;
    at = found + 1;
    anywhere = false;
  }
  return null;
}
