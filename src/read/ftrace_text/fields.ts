/**
 * The fields of an event's line into the columns of a batch: one scanner for every event and generation.
 *
 * Source: print formats of Linux include/trace/events/dma.h (6.12 to 7.2), swiotlb.h (3.13, 4.10, 5.18), iommu.h,
 * intel_iommu.h (5.4 to 5.6); and the way trace-cmd 3.1.6 prints a list whose format it cannot evaluate:
 * `[FAILED TO PARSE] device=... dma_addrs=ARRAY[00, f9, ...]`.
 */

import { type EventBatch, EventKind, unknownDirection } from "../event.js";
import { cacheWords } from "./cache_words.js";
import { commonDirection, commonKey } from "./common_words.js";
import { type EventForm, Opening } from "./event_form.js";
import { FieldScan } from "./field_scan.js";
import { directionCode, directions, force, hashOf, numberOf, Role, roles, step } from "./words.js";

const encode = (text: string) => new TextEncoder().encode(text);
const failedToParse = encode("[FAILED TO PARSE] ");
const label = encode("dev_name: ");
const iommu = encode("IOMMU:");
const array = encode("ARRAY[");
const truncated = hashOf("[TRUNCATED]");

const space = 32;
const newline = 10;
const equals = 61;

/** `swiotlb_force=` before 4.10: 1 is forced. */
const forceOf = (value: number): number => (value === 1 ? 1 : 0);

/** Reads the fields of one event. What it learns beside the columns is left in its properties. */
export class Fields {
  /** The device's name is bytes [deviceFrom, deviceTo); empty when the event has none. */
  deviceFrom = 0;
  deviceTo = 0;
  /** True when the last value cannot be the beginning of a longer one: a word, a closed list, attributes by name. */
  closed = false;
  /** True when the list's event has the capped form (`nents=`). */
  capped = false;
  /** True when a direction was printed that is none of the four. */
  strangeDirection = false;
  /** Where the line ends, after a `read` that returned true. */
  end = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #scan: FieldScan;
  #seen = 0;
  /** What trace-cmd prints when it cannot evaluate the print format: field names, numbers of unknown base. */
  #raw = false;
  #forced = -1;

  /** @param bytes where lines are; 16 bytes past the last line may be read. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#scan = new FieldScan(bytes);
  }

  /**
   * Fill event `i`, the last one begun, from the bytes after its name.
   * @returns false when the line does not have this event's form; the caller then forgets what was appended to lists.
   */
  read(from: number, form: EventForm, batch: EventBatch, i: number): boolean {
    const bytes = this.#bytes;
    const scan = this.#scan;
    scan.at = from;
    scan.bad = false;
    this.deviceFrom = this.deviceTo = 0;
    this.closed = false;
    this.capped = this.strangeDirection = this.#raw = false;
    this.#forced = -1;
    this.#seen = 0;
    while (bytes[scan.at] === space) scan.at++;
    if (form.opening === Opening.words) return this.#words(form, batch, i);
    if (bytes[scan.at] === 91 && scan.take(failedToParse)) this.#raw = true;
    else if (!this.#open(form)) return false;
    while (this.#pair(form, batch, i)) {}
    if (scan.bad) return false;
    if (this.deviceTo > this.deviceFrom) this.#seen |= 1 << Role.device;
    if ((this.#seen & form.required) !== form.required) return false;
    this.end = scan.at;
    return this.#finish(form, batch, i);
  }

  #words(form: EventForm, batch: EventBatch, i: number): boolean {
    const { at } = this.#scan;
    this.end = this.#bytes.indexOf(newline, at);
    return cacheWords(this.#bytes, at, this.end, form.kind, batch, i);
  }

  #open(form: EventForm): boolean {
    const scan = this.#scan;
    if (form.opening === Opening.label && !scan.take(label)) return false;
    if (form.opening === Opening.iommu) {
      if (!scan.take(iommu)) return false;
      // The driver of a fault follows at once, and may be empty; other events name their device by a key.
      if (form.kind !== EventKind.iommuFault) return true;
      scan.skip();
    }
    this.#openDevice();
    return true;
  }

  /** A device's name before the first key; what ends in `=` is that key already. */
  #openDevice(): void {
    const bytes = this.#bytes;
    let at = this.#scan.at;
    while (bytes[at] === space) at++;
    const from = at;
    let c = bytes[at]!;
    while (c > space && c !== equals) c = bytes[++at]!;
    if (c === equals) return;
    this.deviceFrom = from;
    this.deviceTo = this.#scan.at = at;
  }

  /** One `key=value` or bare word. @returns false at the line's end, or with `bad` set. */
  #pair(form: EventForm, batch: EventBatch, i: number): boolean {
    const bytes = this.#bytes;
    const scan = this.#scan;
    let at = scan.at;
    let c = bytes[at]!;
    while (c === space || c === 13) c = bytes[++at]!;
    scan.at = at;
    if (c === newline) return false;
    const common = commonKey(bytes, this.#view, at);
    if (common >= 0) {
      scan.at = at + (common >> 4);
      return this.#valueAndEnd(common & 15, form, batch, i);
    }
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
    return this.#valueAndEnd(numberOf(roles, hash), form, batch, i);
  }

  #valueAndEnd(role: number, form: EventForm, batch: EventBatch, i: number): boolean {
    const scan = this.#scan;
    this.#value(role, form, batch, i);
    const end = this.#bytes[scan.at]!;
    if (end !== space && end !== newline && end !== 13) scan.bad = true;
    return !scan.bad;
  }

  /** A word without `=`: a part of the device's name before the first key, else one of the few that the formats have. */
  #bare(form: EventForm, from: number, to: number, hash: number): boolean {
    if (this.#seen === 0 && this.deviceTo > 0) {
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

  #value(role: number, form: EventForm, batch: EventBatch, i: number): void {
    const scan = this.#scan;
    this.closed = false;
    if (role === -1) {
      // Only a fault has a further number: its flags.
      if (form.kind === EventKind.iommuFault) batch.attrs[i] = scan.hex();
      else scan.skip();
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
        batch.dma[i] = this.#address();
        break;
      case Role.size:
        batch.size[i] = scan.decimal();
        break;
      case Role.phys:
        batch.phys[i] = this.#address();
        break;
      case Role.mask: {
        const mask = this.#address();
        batch.mask[i] = mask === -1 ? 2 ** 64 : mask;
        break;
      }
      case Role.direction:
        this.#direction(batch, i);
        break;
      case Role.attrs:
        batch.attrs[i] = scan.attributes();
        this.closed = scan.closed;
        break;
      case Role.device:
        this.#device();
        break;
      case Role.forced:
        this.#forced = forceOf(scan.decimal());
        break;
      case Role.entries:
        this.#entries(batch, i);
        break;
      case Role.total:
        batch.physTotal[i] = scan.decimal();
        this.capped = true;
        break;
      default:
        this.#list(role, form, batch, i);
    }
  }

  #address(): number {
    const value = this.#scan.hex();
    if (this.#raw && !this.#scan.prefixed) this.#scan.bad = true;
    return value;
  }

  #direction(batch: EventBatch, i: number): void {
    const bytes = this.#bytes;
    const scan = this.#scan;
    const c = bytes[scan.at]!;
    const common = commonDirection(this.#view, scan.at);
    if (common >= 0) {
      batch.direction[i] = common & 15;
      scan.at += common >> 4;
      return;
    }
    if (c >= 48 && c <= 57) batch.direction[i] = directionCode(scan.hex());
    else {
      const code = numberOf(directions, scan.word());
      if (code === -1) scan.bad = true;
      else batch.direction[i] = code;
    }
    this.strangeDirection = batch.direction[i] === unknownDirection;
  }

  #device(): void {
    const scan = this.#scan;
    this.deviceFrom = scan.at;
    scan.skip();
    this.deviceTo = scan.at;
  }

  /** `nents=RECORDED/REAL`. */
  #entries(batch: EventBatch, i: number): void {
    const bytes = this.#bytes;
    const scan = this.#scan;
    scan.decimal();
    if (bytes[scan.at] !== 47) scan.bad = true;
    scan.at++;
    batch.physTotal[i] = scan.decimal();
    this.capped = true;
  }

  #list(role: number, form: EventForm, batch: EventBatch, i: number): void {
    const bytes = this.#bytes;
    const scan = this.#scan;
    // The label of a refused list says dma_addrs; its values are physical.
    const physical = role === Role.physList || form.kind === EventKind.mapListError;
    if (physical) this.#seen |= 1 << Role.physList;
    const raw = this.#raw;
    if (raw ? !scan.take(array) : bytes[scan.at++] !== 123) {
      scan.bad = true;
      return;
    }
    const close = raw ? 93 : 125;
    let n = 0;
    if (bytes[scan.at] !== close) {
      for (;;) {
        const value = raw ? scan.byteArrayElement(role === Role.sizeList ? 4 : 8) : scan.hex();
        if (scan.bad) return;
        if (role === Role.sizeList) {
          if (n >= batch.dmaCount[i]!) scan.bad = true;
          else batch.listSize[batch.dmaFirst[i]! + n] = value;
        } else if (physical) batch.pushPhys(i, value);
        else batch.pushDma(i, value, Number.NaN);
        n++;
        if (bytes[scan.at] === close) break;
        if (raw) scan.separator();
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
