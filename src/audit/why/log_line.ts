/** One line of a kernel log, taken apart: clock, device, message. */
import { lineMax, splitLogLine } from "../../read/kernel_log/log_line.js";
import { type Names, namesBeforeWords } from "../../read/kernel_log/names.js";

export interface LogLine {
  /** The line as given, without its line end; cut when it is longer than any kernel writes. */
  readonly line: string;
  /** What the kernel said, without clock, host and level. */
  readonly text: string;
  /** Seconds; null when the line has no clock of seconds. */
  readonly time: number | null;
  /** `driver device: ` in front of the message, as dev_err and its like print; null when there is none. */
  readonly driver: string | null;
  readonly device: string | null;
}

/** @returns null for a line that someone else than the kernel wrote. */
export function splitLine(given: string): LogLine | null {
  const line = given.slice(0, lineMax).trimEnd();
  const split = splitLogLine(line);
  if (split === null) return null;
  const { time, message } = split;
  return new SplitLine(line, message, time === null ? null : time / 1e6);
}

/** The names are looked for when they are asked for: most faults name their device themselves. */
class SplitLine implements LogLine {
  readonly line: string;
  readonly text: string;
  readonly time: number | null;
  #names: Names | null = null;

  constructor(line: string, text: string, time: number | null) {
    this.line = line;
    this.text = text;
    this.time = time;
  }

  get driver(): string | null {
    return (this.#names ??= namesBeforeWords(this.text)).driver;
  }

  get device(): string | null {
    return (this.#names ??= namesBeforeWords(this.text)).device;
  }
}
