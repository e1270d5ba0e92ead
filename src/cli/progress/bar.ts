/** One line that says how far something is. */

export interface BarOptions {
  readonly name: string;
  /** 0 to 1; null when nobody knows. */
  readonly done: number | null;
  /** Milliseconds since it began. */
  readonly elapsed: number;
  readonly width: number;
  readonly signs: boolean;
}

const barWidth = 30;
/** Below this share what is left is a guess. */
const guessed = 0.02;

export function barOf({ name, done, elapsed, width, signs }: BarOptions): string {
  const line = done === null ? `${name} ${seconds(elapsed)}` : `${name} ${measured(done, elapsed, signs)}`;
  // A line that is as wide as the terminal would be broken, and could not be taken back.
  return Array.from(line)
    .slice(0, Math.max(1, width - 1))
    .join("");
}

function measured(done: number, elapsed: number, signs: boolean): string {
  const [full, empty] = signs ? ["█", "░"] : ["#", "."];
  const share = Math.min(1, Math.max(0, done));
  const filled = Math.round(share * barWidth);
  const left = share <= guessed ? "" : share < 1 ? `, ${seconds((elapsed * (1 - share)) / share)} left` : ", finishing";
  return `${full!.repeat(filled)}${empty!.repeat(barWidth - filled)} ${Math.floor(share * 100)} %${left}`;
}

const seconds = (milliseconds: number): string => `${Math.ceil(milliseconds / 1000)} s`;
