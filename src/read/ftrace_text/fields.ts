/**
 * The fields of an event's line into the columns of a batch: one scanner for every event and generation.
 *
 * Source: print formats of Linux include/trace/events/dma.h (6.12 to 7.2), swiotlb.h (before and since 5.18), iommu.h,
 * intel_iommu.h (5.4 to 5.6); and the way trace-cmd 3.1.6 prints a list whose format it cannot evaluate:
 * `[FAILED TO PARSE] device=... dma_addrs=ARRAY[00, f9, ...]`.
 */
import { type EventBatch, EventKind, unknownDirection } from "../event.js";
import { type EventForm, Opening } from "./event_form.js";
import { FieldScan } from "./field_scan.js";
import { attributes, directionCode, directions, force, hashOf, numberOf, Role, roles, step } from "./words.js";

const encode = (text: string) => new TextEncoder().encode(text);
const failedToParse = encode("[FAILED TO PARSE] ");
const label = encode("dev_name: ");
const iommu = encode("IOMMU:");
const array = encode("ARRAY[");
const truncated = hashOf("[TRUNCATED]");

const space = 32;
const newline = 10;
const equals = 61;

/** Reads the fields of one event. What it learns beside the columns is left in its properties. */
export class Fields {
  /** The device's name is bytes [deviceFrom, deviceTo) with this hash; empty when the event has none. */
  deviceFrom = 0;
  deviceTo = 0;
  deviceHash = 0;
  /** True when the last value cannot be the beginning of a longer one: a word, a closed list, attributes by name. */
  closed = false;
  /** True when the list's event has the capped form (`nents=`). */
  capped = false;
  /** True when a direction was printed that is none of the four. */
  strangeDirection = false;
  /** Where the line ends, after a `read` that returned true. */
  end = 0;
  readonly #scan = new FieldScan();
  #seen = 0;
  /** What trace-cmd prints when it cannot evaluate the print format: field names, numbers of unknown base. */
  #raw = false;
  #forced = -1;

  /**
   * Fill event `i`, the last one begun, from the bytes after its name.
   * @returns false when the line does not have this event's form; the caller then forgets what was appended to lists.
   */
  read(bytes: Uint8Array, from: number, form: EventForm, batch: EventBatch, i: number): boolean {
    const scan = this.#scan;
    scan.at = from;
    scan.bad = false;
    this.deviceFrom = this.deviceTo = 0;
    this.closed = false;
    this.capped = this.strangeDirection = this.#raw = false;
    this.#forced = -1;
    this.#seen = 0;
    while (bytes[scan.at] === space) scan.at++;
    if (bytes[scan.at] === 91 && scan.take(bytes, failedToParse)) this.#raw = true;
    else if (!this.#open(bytes, form)) return false;
    while (this.#pair(bytes, form, batch, i)) if (scan.bad) return false;
    if (scan.bad || bytes[scan.at] !== newline) return false;
    if (this.deviceTo > this.deviceFrom) this.#seen |= 1 << Role.device;
    if ((this.#seen & form.required) !== form.required) return false;
    this.end = scan.at;
    return this.#finish(form, batch, i);
  }

  #open(bytes: Uint8Array, form: EventForm): boolean {
    const scan = this.#scan;
    if (form.opening === Opening.label) return scan.take(bytes, label);
    if (form.opening === Opening.iommu) {
      if (!scan.take(bytes, iommu)) return false;
      // The driver of a fault follows at once, and may be empty.
      if (form.kind === EventKind.iommuFault) scan.skip(bytes);
    }
    return true;
  }

  /** One `key=value` or bare word. @returns false at the line's end, or with `bad` set. */
  #pair(bytes: Uint8Array, form: EventForm, batch: EventBatch, i: number): boolean {
    const scan = this.#scan;
    let at = scan.at;
    let c = bytes[at]!;
    while (c === space || c === 13) c = bytes[++at]!;
    scan.at = at;
    if (c === newline) return false;
    let hash = 0;
    while (c > space && c !== equals) {
      hash = step(hash, c);
      c = bytes[++at]!;
    }
    if (c !== equals) {
      // A word of no bytes is a control character, which no format prints.
      if (at > scan.at && this.#bare(form, scan.at, at, hash)) scan.at = at;
      else scan.bad = true;
      return !scan.bad;
    }
    scan.at = at + 1;
    this.#value(bytes, numberOf(roles, hash), form, batch, i);
    const end = bytes[scan.at]!;
    if (end !== space && end !== newline && end !== 13) scan.bad = true;
    return !scan.bad;
  }

  /** A word without `=`: a part of the device's name before the first key, else one of the few that the formats have. */
  #bare(form: EventForm, from: number, to: number, hash: number): boolean {
    if (this.#seen === 0 && !this.#raw && (form.opening !== Opening.iommu || form.kind === EventKind.iommuFault)) {
      if (this.deviceTo === 0) {
        this.deviceFrom = from;
        this.deviceHash = hash;
      } else this.deviceHash = -1;
      this.deviceTo = to;
      return true;
    }
    if (form.kind === EventKind.bounced) {
      if (this.#forced !== -1) return false;
      this.#forced = numberOf(force, hash);
      this.closed = true;
      return this.#forced !== -1;
    }
    // `iova=FIRST - LAST`, `dev=... [2/7]`: the end and the index say nothing that is not known.
    if (form.opening === Opening.iommu) return to - from === 1 || to - from === 18;
    return hash === truncated || form.entry;
  }

  #value(bytes: Uint8Array, role: number, form: EventForm, batch: EventBatch, i: number): void {
    const scan = this.#scan;
    this.closed = false;
    if (role === -1) {
      scan.skip(bytes);
      return;
    }
    const bit = 1 << role;
    if ((this.#seen & bit) !== 0) {
      scan.bad = true;
      return;
    }
    this.#seen |= bit;
    switch (role) {
      case Role.dma:
        batch.dma[i] = this.#address(bytes);
        break;
      case Role.size:
        batch.size[i] = scan.decimal(bytes);
        break;
      case Role.phys:
        batch.phys[i] = this.#address(bytes);
        break;
      case Role.mask: {
        const mask = this.#address(bytes);
        batch.mask[i] = mask === -1 ? 2 ** 64 : mask;
        break;
      }
      case Role.direction:
        this.#direction(bytes, batch, i);
        break;
      case Role.attrs:
        this.#attributes(bytes, batch, i);
        break;
      case Role.device:
        this.#device(bytes);
        break;
      case Role.entries:
        this.#entries(bytes, batch, i);
        break;
      case Role.total:
        batch.physTotal[i] = scan.decimal(bytes);
        this.capped = true;
        break;
      default:
        this.#list(bytes, role, form, batch, i);
    }
  }

  #address(bytes: Uint8Array): number {
    const value = this.#scan.hex(bytes);
    if (this.#raw && !this.#scan.prefixed) this.#scan.bad = true;
    return value;
  }

  #direction(bytes: Uint8Array, batch: EventBatch, i: number): void {
    const scan = this.#scan;
    const c = bytes[scan.at]!;
    if (c >= 48 && c <= 57) batch.direction[i] = directionCode(scan.hex(bytes));
    else {
      const code = numberOf(directions, scan.word(bytes));
      if (code === -1) scan.bad = true;
      else batch.direction[i] = code;
    }
    this.strangeDirection = batch.direction[i] === unknownDirection;
  }

  /** Names and hexadecimal remainders joined by `|`; nothing when there are none. */
  #attributes(bytes: Uint8Array, batch: EventBatch, i: number): void {
    const scan = this.#scan;
    let attrs = 0;
    this.closed = true;
    while (bytes[scan.at]! > space) {
      const c = bytes[scan.at]!;
      if (c >= 48 && c <= 57) {
        attrs |= scan.hex(bytes);
        this.closed = false;
      } else {
        const bit = numberOf(attributes, scan.word(bytes));
        if (bit === -1) scan.bad = true;
        else attrs |= 1 << bit;
      }
      if (bytes[scan.at] === 124) scan.at++;
      else break;
    }
    batch.attrs[i] = attrs;
  }

  #device(bytes: Uint8Array): void {
    const scan = this.#scan;
    this.deviceFrom = scan.at;
    let at = scan.at;
    let hash = 0;
    let c = bytes[at]!;
    while (c > space) {
      hash = step(hash, c);
      c = bytes[++at]!;
    }
    this.deviceHash = hash;
    this.deviceTo = scan.at = at;
  }

  /** `nents=RECORDED/REAL`. */
  #entries(bytes: Uint8Array, batch: EventBatch, i: number): void {
    const scan = this.#scan;
    scan.decimal(bytes);
    if (bytes[scan.at] !== 47) scan.bad = true;
    scan.at++;
    batch.physTotal[i] = scan.decimal(bytes);
    this.capped = true;
  }

  #list(bytes: Uint8Array, role: number, form: EventForm, batch: EventBatch, i: number): void {
    const scan = this.#scan;
    // The label of a refused list says dma_addrs; its values are physical.
    const physical = role === Role.physList || form.kind === EventKind.mapListError;
    if (physical) this.#seen |= 1 << Role.physList;
    const raw = this.#raw;
    if (raw ? !scan.take(bytes, array) : bytes[scan.at++] !== 123) {
      scan.bad = true;
      return;
    }
    const close = raw ? 93 : 125;
    let n = 0;
    if (bytes[scan.at] !== close) {
      for (;;) {
        const value = raw ? scan.byteArrayElement(bytes, role === Role.sizeList ? 4 : 8) : scan.hex(bytes);
        if (scan.bad) return;
        if (role === Role.sizeList) {
          if (n >= batch.dmaCount[i]!) scan.bad = true;
          else batch.listSize[batch.dmaFirst[i]! + n] = value;
        } else if (physical) batch.pushPhys(i, value);
        else batch.pushDma(i, value, Number.NaN);
        n++;
        if (bytes[scan.at] === close) break;
        if (raw) scan.separator(bytes);
        else if (bytes[scan.at++] !== 44) scan.bad = true;
        if (scan.bad) return;
      }
    }
    scan.at++;
    this.closed = true;
    if (role === Role.sizeList && n !== batch.dmaCount[i]!) scan.bad = true;
  }

  /** The Intel driver's list entries are lists of one; a bounce must say whether it was forced. */
  #finish(form: EventForm, batch: EventBatch, i: number): boolean {
    if (form.kind === EventKind.bounced) {
      if (this.#forced === -1) return false;
      batch.forced[i] = this.#forced;
    } else if (form.entry) {
      batch.pushDma(i, batch.dma[i]!, batch.size[i]!);
      if (form.kind === EventKind.mapList) batch.pushPhys(i, batch.phys[i]!);
      batch.dma[i] = batch.phys[i] = batch.size[i] = Number.NaN;
    }
    return true;
  }
}
