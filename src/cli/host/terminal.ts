/** What is known of whoever looks at the output: colours, width, signs. */
import { widthMin } from "../../report/text/layout.js";
import type { Host } from "./host.js";

export interface Screen {
  readonly color: boolean;
  /** Columns; infinite where nothing breaks a long line, as in a pipe or a file. */
  readonly width: number;
  /** Signs beyond ASCII can be shown. */
  readonly signs: boolean;
}

export const colorings = ["always", "never", "auto"] as const;
export type Coloring = (typeof colorings)[number];

/** Of a terminal that does not say. */
export const columnsUsual = 80;

export function screenOf({ stdout, env }: Pick<Host, "stdout" | "env">, coloring: Coloring = "auto"): Screen {
  const columns = wholeNumber(env["COLUMNS"]) ?? (stdout.isTerminal ? (stdout.columns ?? columnsUsual) : undefined);
  return {
    color: coloring === "auto" ? colorByItself(stdout.isTerminal, env) : coloring === "always",
    width: columns === undefined ? Number.POSITIVE_INFINITY : Math.max(widthMin, columns),
    signs: hasSigns(env),
  };
}

/**
 * FORCE_COLOR decides, then NO_COLOR, then whether this is a terminal that knows colours.
 * Source: no-color.org; force-color.org, with 0 and false for no colour and its precedence as Node has them
 * (`tty.WriteStream.getColorDepth`).
 */
function colorByItself(isTerminal: boolean, env: Host["env"]): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: none, TERM: term } = env;
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  return isTerminal && (none === undefined || none === "") && term !== "dumb";
}

/** The character set of the locale: the first variable that is set decides (POSIX, 8.2). None set is no wish. */
function hasSigns(env: Host["env"]): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return locale === undefined || /utf-?8/i.test(locale);
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}
