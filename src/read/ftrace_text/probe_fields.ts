/**
 * The arguments of a kprobe event's line: `(function+0x4/0x380) dev="0000:00:04.0" phys=0x47df640 size=90 st0=-13`.
 *
 * Source: Linux kernel/trace/trace_kprobe.c and trace_probe.c, print functions of the types.
 */
import type { EventBatch } from "../event.js";
import { ProbeValues } from "../probes/probe_values.js";
import { isEntry, type Probe, ProbeRole, probes } from "../probes/probes.js";
import { numberOf, step, type Words, words } from "./words.js";

const space = 32;
const quote = 34;
const equals = 61;
const minus = 45;

interface ProbeForm {
  readonly probe: Probe;
  /** Roles by the hash of the argument's name, without an entry's number. */
  readonly roles: Words;
}

const forms: readonly ProbeForm[] = probes.map((probe) => ({ probe, roles: words(Object.entries(probe.args)) }));
const byName = words(probes.map((p, i) => [p.name, i] as const));

/** @returns the number of the probe with this hash of its name, -1 for other events. */
export function probeNumber(nameHash: number): number {
  return numberOf(byName, nameHash);
}

export class ProbeFields {
  /** The device's name is bytes [deviceFrom, deviceTo); empty when there is none. */
  deviceFrom = 0;
  deviceTo = 0;
  readonly #bytes: Uint8Array;
  readonly #values = new ProbeValues();
  #at = 0;
  #high = 0;
  #low = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Fill event i, the last one begun, from the bytes after its name, up to the newline at `end`.
   * @returns false when the line does not have the event's arguments; nothing is written then.
   */
  read(from: number, end: number, number: number, batch: EventBatch, i: number): boolean {
    const { probe, roles } = forms[number]!;
    this.deviceFrom = this.deviceTo = 0;
    this.#values.clear();
    this.#at = from;
    this.#place(end);
    while (this.#argument(end, roles)) {}
    return this.#at === end && this.#values.write(probe, batch, i);
  }

  /** Where the probe stands, in parentheses. */
  #place(end: number): void {
    const bytes = this.#bytes;
    while (bytes[this.#at] === space) this.#at++;
    if (bytes[this.#at] !== 40) return;
    const close = bytes.indexOf(41, this.#at);
    if (close !== -1 && close < end) this.#at = close + 1;
  }

  /** One `name=value`. @returns false at the end, or before something else. */
  #argument(end: number, roles: Words): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    while (bytes[at] === space || bytes[at] === 13) at++;
    this.#at = at;
    if (at >= end) {
      this.#at = end;
      return false;
    }
    let hash = 0;
    let c = bytes[at]!;
    while (c > space && c !== equals && (c < 48 || c > 57)) {
      hash = step(hash, c);
      c = bytes[++at]!;
    }
    let entry = -1;
    while (c >= 48 && c <= 57) {
      entry = Math.max(0, entry) * 10 + c - 48;
      c = bytes[++at]!;
    }
    if (c !== equals) return false;
    this.#at = at + 1;
    const role = numberOf(roles, hash) as ProbeRole | -1;
    if (bytes[this.#at] === quote) return this.#text(end, role);
    if (!this.#number()) return false;
    if (role !== -1 && isEntry(role) === entry >= 0) {
      if (entry >= 0) this.#values.putEntry(role, entry, this.#high, this.#low);
      else this.#values.put(role, this.#high, this.#low);
    }
    return true;
  }

  #text(end: number, role: ProbeRole | -1): boolean {
    const close = this.#bytes.indexOf(quote, this.#at + 1);
    if (close === -1 || close >= end) return false;
    if (role === ProbeRole.device) {
      this.deviceFrom = this.#at + 1;
      this.deviceTo = close;
    }
    this.#at = close + 1;
    return true;
  }

  /** A number of up to 64 bits, hexadecimal with 0x or decimal with its sign, in two halves. */
  #number(): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    const negative = bytes[at] === minus;
    if (negative) at++;
    const hexadecimal = bytes[at] === 48 && (bytes[at + 1]! | 32) === 120;
    if (hexadecimal) at += 2;
    const base = hexadecimal ? 16 : 10;
    let high = 0;
    let low = 0;
    const from = at;
    for (let digit = digitOf(bytes[at]!); digit < base; digit = digitOf(bytes[++at]!)) {
      low = low * base + digit;
      const carried = Math.floor(low / 2 ** 32);
      high = (high * base + carried) % 2 ** 32;
      low -= carried * 2 ** 32;
    }
    if (negative) {
      high = (2 ** 32 - high - (low > 0 ? 1 : 0)) % 2 ** 32;
      low = (2 ** 32 - low) % 2 ** 32;
    }
    this.#high = high;
    this.#low = low;
    this.#at = at;
    return at > from && bytes[at]! <= space;
  }
}

function digitOf(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const letter = c | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : 255;
}
