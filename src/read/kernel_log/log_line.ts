/**
 * One line of a kernel log: its clock, and what the kernel said.
 *
 * Forms: `dmesg`, `dmesg -r` (`<6>`), `-x` (`kern  :info  :`), `-T`, `--time-format iso`; the journal in its short, iso
 * and monotonic forms; syslog with or without the kernel's own clock; a console without clocks; quoted in a mail.
 */

export interface LogLine {
  /** Microseconds since boot; null when the line shows no such clock. */
  readonly time: number | null;
  /** True when the line says that the kernel wrote it, by its clock or by `kernel:`. */
  readonly marked: boolean;
  readonly message: string;
}

/** The kernel's record of a line holds about 1 KiB; more is no kernel line, and no pattern has to read it. */
export const lineMax = 4096;

const quoted = /^(?:> ?)+/;
const escapeCharacter = String.fromCharCode(27);
const colour = new RegExp(`${escapeCharacter}[[0-9;]{0,16}[mK]`, "g");
const level = /^<\d{1,3}>/;
const facility = /^[a-z]{3,8}\s{0,6}:[a-z]{3,8}\s{0,6}: /;
const clock = /^\[\s*(\d{1,12})\.(\d{1,9})\]/;
const caller = /^\s?\[\s*[TC]\d{1,10}\]/;
const wallClock = /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ?/;
const isoClock = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)? /;
const syslogClock = /^[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})? /;
const writer = /^(?:[\w.-]{1,64} )?([\w./@-]{1,64})(?:\[\d{1,10}\])?: /;

/** @returns null for a line that someone else than the kernel wrote. */
export function splitLogLine(given: string): LogLine | null {
  let text = given.slice(0, lineMax);
  if (text.includes(escapeCharacter)) text = text.replace(colour, "");
  text = text.replace(quoted, "").replace(level, "").replace(facility, "");
  let time: number | null = null;
  let marked = false;
  const dated = isoClock.exec(text) ?? syslogClock.exec(text);
  if (dated !== null) text = text.slice(dated[0].length);
  const stamp = clock.exec(text);
  if (stamp !== null) {
    time = microseconds(stamp);
    text = text.slice(stamp[0].length).replace(caller, "").replace(/^ /, "");
    marked = true;
  } else {
    const wall = wallClock.exec(text);
    if (wall !== null) {
      text = text.slice(wall[0].length);
      marked = true;
    }
  }
  const by = writer.exec(text);
  if (dated !== null || time !== null) {
    if (by?.[1] === "kernel") return afterKernel(text.slice(by[0].length), time);
    // A dated line is the journal's or syslog's, where others write too; `dmesg --time-format iso` names nobody.
    if (by !== null && dated !== null && / /.test(by[0].slice(0, -2))) return null;
  } else if (by?.[1] === "kernel") return afterKernel(text.slice(by[0].length), time);
  return { time, marked: marked || dated !== null, message: text };
}

/** syslog keeps the kernel's own clock in its text. */
function afterKernel(text: string, time: number | null): LogLine {
  const stamp = clock.exec(text);
  if (stamp === null) return { time, marked: true, message: text };
  const message = text.slice(stamp[0].length).replace(caller, "").replace(/^ /, "");
  return { time: microseconds(stamp), marked: true, message };
}

function microseconds(stamp: RegExpExecArray): number {
  return Number(stamp[1]) * 1e6 + Math.round(Number(`0.${stamp[2]}`) * 1e6);
}
