/** What every function of the library takes besides its input. */
import { Misuse } from "../base/assert.js";

/** Options of every function: how work is named, shown and ended. */
export interface WorkOptions {
  /** What messages call the input: its file's name. */
  readonly name?: string;
  /** Told now and then how much is done, 0 to 1, never less than before. What it throws ends the work. */
  readonly progress?: (share: number) => void;
  /** Ends the work within a tenth of a second or so: the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Thrown for an option that cannot be what it is: the message names it, what was given and what it takes. */
export class BadOption extends Misuse {
  /** Its name, with a dot where it lies inside another: `swiotlb.slots`. */
  readonly option: string;
  readonly given: unknown;
  /** What is wrong with it. */
  readonly problem: string;

  constructor(option: string, given: unknown, problem: string) {
    super("bad-option", `${option} ${shown(given)}: ${problem}`);
    this.option = option;
    this.given = given;
    this.problem = problem;
  }
}

const shownMax = 80;

function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  const whole = typeof value === "number" ? String(value) : text;
  return whole.length > shownMax ? `${whole.slice(0, shownMax)}…` : whole;
}

/**
 * The options as they were given, or none.
 * @param known every name that there is
 * @throws BadOption for a name that there is not, which is most often a slip of the pen, and for what is no object.
 */
export function checkNames<O extends object>(options: O, known: readonly (keyof O & string)[], within = ""): O {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new BadOption(within === "" ? "options" : within, options, "an object was expected");
  }
  for (const name of Object.keys(options)) {
    if ((known as readonly string[]).includes(name)) continue;
    throw new BadOption(
      dotted(within, name),
      (options as Record<string, unknown>)[name],
      `there is ${known.join(", ")}`,
    );
  }
  return options;
}

export const workNames = ["name", "progress", "signal"] as const;

const dotted = (within: string, name: string): string => (within === "" ? name : `${within}.${name}`);

/**
 * @param step it is a multiple of this
 * @throws BadOption for what is no such whole number from `least` to `most`: 2048.5, NaN, -1, "4096".
 */
export function wholeNumber(option: string, given: unknown, least: number, most: number, step = 1): number {
  const isOne = typeof given === "number" && Number.isInteger(given) && given >= least && given <= most;
  if (isOne && given % step === 0) return given;
  const what = step === 1 ? "a whole number" : `a multiple of ${step}`;
  throw new BadOption(option, given, `${what} from ${least} to ${most} was expected`);
}

/** @throws BadOption for what is none of the words. */
export function oneOf<W extends string>(option: string, given: unknown, words: readonly W[]): W {
  if (words.includes(given as W)) return given as W;
  throw new BadOption(option, given, `one of ${words.join(", ")} was expected`);
}

/** @param otherwise what it is when nothing was given @throws BadOption for what is neither true nor false: "no", 1. */
export function flag(option: string, given: unknown, otherwise: boolean): boolean {
  if (given === undefined) return otherwise;
  if (typeof given === "boolean") return given;
  throw new BadOption(option, given, "true or false was expected");
}

/** @throws BadOption for what is no text */
export function text(option: string, given: unknown): string {
  if (typeof given === "string") return given;
  throw new BadOption(option, given, "a text was expected");
}

/** What comes of an option. @throws BadOption that names it, where what `ask` does is refused as a misuse. */
export function ofOption<T>(option: string, given: unknown, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof Misuse) || error instanceof BadOption) throw error;
    throw new BadOption(option, given, error.message.slice(error.code.length + ": ".length));
  }
}
