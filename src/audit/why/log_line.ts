/**
 * One line of a kernel log, taken apart: clock, device, message.
 *
 * Forms: dmesg ("[   12.330410] text"), dmesg -r ("<4>[ 12.33] text"), dmesg -T ("[Thu Jan  4 23:12:54 2024] text"),
 * syslog and journal ("Nov 20 20:12:01 host kernel: text"), and a bare message.
 */

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
  /** The message after driver and device. */
  readonly message: string;
}

/** A kernel's record holds about 1 KiB; a longer line is no kernel line, and no pattern should have to read it. */
const lengthMax = 4096;

const clock = /^(?:<\d{1,3}>)?\s*\[\s*(\d{1,12}\.\d{1,9})\](?:\s*\[\s*[TC]\d+\])?\s?(.*)$/s;
const wallClock = /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\]\s?(.*)$/s;
const syslog = /^\S.{0,80}?\bkernel: (.*)$/s;
/** A driver's name has no colon; a device is a PCI function, or a name with a dot or a digit (9050000.smmuv3, usb1). */
const driverAndDevice = /^([A-Za-z][\w-]{0,40}) ([\w:.-]{1,60}): (.*)$/s;
const deviceOnly = /^((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): (.*)$/s;

export function splitLine(given: string): LogLine {
  const line = given.replace(/[\r\n]+$/, "").slice(0, lengthMax);
  let text = line,
    time: number | null = null;
  const fromSyslog = syslog.exec(text);
  if (fromSyslog !== null) text = fromSyslog[1]!;
  const stamped = clock.exec(text);
  if (stamped !== null) {
    time = Number(stamped[1]);
    text = stamped[2]!;
  } else {
    text = wallClock.exec(text)?.[1] ?? text;
  }
  return { line, text, time, ...splitDevice(text) };
}

function splitDevice(text: string): Pick<LogLine, "driver" | "device" | "message"> {
  const both = driverAndDevice.exec(text);
  if (both !== null && /[.\d]/.test(both[2]!)) return { driver: both[1]!, device: both[2]!, message: both[3]! };
  const one = deviceOnly.exec(text);
  if (one !== null) return { driver: null, device: one[1]!, message: one[2]! };
  return { driver: null, device: null, message: text };
}
