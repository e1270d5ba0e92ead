/**
 * Mappings that are alive, in columns.
 *
 * A mapping is a number. It is found by device and bus address, and by the physical frames of its first and last
 * byte. Several may share an address: without an IOMMU a buffer may be mapped twice at once (a multiset, as in Linux
 * kernel/dma/debug.c). Entries of a list are mappings of their own, chained to the list's first.
 */
import { frameBytes } from "../../base/frame.js";
import { Chains, mixed } from "./chains.js";

const pageBytes = frameBytes;

export const MappingKind = { single: 0, list: 1, coherent: 2 } as const;
export type MappingKind = (typeof MappingKind)[keyof typeof MappingKind];
export const kindNames = ["single mapping", "list", "coherent allocation"] as const;

/** How a device gets at a mapping's memory. */
export const Reach = { unknown: 0, direct: 1, bounced: 2, translated: 3 } as const;
export type Reach = (typeof Reach)[keyof typeof Reach];

/** What is known of ends, for telling which mapping one is of. Times in microseconds. */
export interface Ends {
  /** Before this no late event is waited for. */
  readonly settled: number;
  /** Events were lost until then. */
  readonly lostAt: number;
}

/** About 150 bytes each: 160 MiB at most, whatever the recording says. */
export const liveMax = 2 ** 20;
/** Mappings that share one frame and are looked through; no driver has as many. */
const walkMax = 256;
/** How far back a mapping that holds an address may begin: 4 MiB. */
const framesBackMax = 1024;

const frameOf = (address: number): number => Math.floor(address / pageBytes);

export class LiveMappings {
  #capacity = 1024;
  #free: Int32Array = countdown(0, 1024);
  #freeCount = 1024;
  /** Order of creation, for "oldest first"; 0 marks a number that is not in use. */
  serial = new Float64Array(1024);
  #serials = 0;
  device = new Int32Array(1024);
  dma = new Float64Array(1024);
  phys = new Float64Array(1024);
  size = new Float64Array(1024);
  /** Microseconds. */
  time = new Float64Array(1024);
  direction = new Uint8Array(1024);
  kind = new Uint8Array(1024);
  attrs = new Uint32Array(1024);
  /** A `Reach`. */
  reach = new Uint8Array(1024);
  /** Class of the mapping in the population count, -1 for entries of a list after the first. */
  group = new Int32Array(1024);
  /** How often more the very same mapping was made and not seen to end: a direct mapping may be made twice at once. */
  again = new Uint32Array(1024);
  /** 1 when its bus address was given out again while its end had not been seen. */
  reused = new Uint8Array(1024);
  /** Next entry of the same list, -1 after the last. */
  nextInList = new Int32Array(1024);
  /** For a list's first entry, see `nameList`; `entries` is 0 for everything else. */
  entries = new Uint32Array(1024);
  listBytes = new Float64Array(1024);
  listPhys = new Float64Array(1024);
  listCheck = new Uint32Array(1024);
  #byDma = new Chains(1024);
  /** Node 2m is mapping m's first frame, 2m + 1 its last when that is another. */
  #byPhys = new Chains(2048);
  /** Lists by device and first physical address. */
  #lists = new Chains(1024);
  /** Longest mapping of each device so far, in frames, for finding what contains an address. */
  readonly #longest: number[] = [];
  count = 0;

  /** @returns the new mapping's number, or -1 when too many are alive; `dma` or `phys` may be NaN (unknown). */
  add(
    kind: MappingKind,
    device: number,
    dma: number,
    phys: number,
    size: number,
    direction: number,
    attrs: number,
    time: number,
  ): number {
    if (this.#freeCount === 0 && !this.#grow()) return -1;
    const m = this.#free[--this.#freeCount]!;
    this.count++;
    this.serial[m] = ++this.#serials;
    this.device[m] = device;
    this.dma[m] = dma;
    this.phys[m] = phys;
    this.size[m] = size;
    this.time[m] = time;
    this.direction[m] = direction;
    this.kind[m] = kind;
    this.attrs[m] = attrs;
    this.reach[m] = Reach.unknown;
    this.group[m] = -1;
    this.again[m] = 0;
    this.reused[m] = 0;
    this.nextInList[m] = -1;
    this.entries[m] = 0;
    this.listBytes[m] = 0;
    if (!Number.isNaN(dma)) {
      this.#byDma.insert(m, mixed(device, frameOf(dma)));
      if (kind !== MappingKind.coherent) this.#noteLength(device, dma, size);
    }
    if (!Number.isNaN(phys)) {
      const first = frameOf(phys),
        last = frameOf(phys + Math.max(1, size) - 1);
      this.#byPhys.insert(2 * m, mixed(0, first));
      if (last !== first) this.#byPhys.insert(2 * m + 1, mixed(0, last));
    }
    return m;
  }

  /**
   * Make the mapping findable as the first of a list.
   * @param entries how many physical pieces the list has, at least 1
   * @param phys the first one's address
   * @param check a hash of all that the recording can show of them
   */
  nameList(first: number, entries: number, bytes: number, phys: number, check: number): void {
    this.entries[first] = entries;
    this.listBytes[first] = bytes;
    this.listPhys[first] = phys;
    this.listCheck[first] = check;
    this.#lists.insert(first, listHash(this.device[first]!, phys));
  }

  remove(m: number): void {
    const dma = this.dma[m]!,
      phys = this.phys[m]!;
    if (!Number.isNaN(dma)) this.#byDma.remove(m);
    if (!Number.isNaN(phys)) {
      this.#byPhys.remove(2 * m);
      if (this.#hasLast(m)) this.#byPhys.remove(2 * m + 1);
    }
    if (this.entries[m]! > 0) this.#lists.remove(m);
    this.serial[m] = 0;
    this.entries[m] = 0;
    this.#free[this.#freeCount++] = m;
    this.count--;
  }

  /** Remove a list: its first entry and all that follow. */
  removeList(first: number): void {
    for (let m = first; m !== -1; ) {
      const next = this.nextInList[m]!;
      this.remove(m);
      m = next;
    }
  }

  /** Whether the last answer of `at` was one of several alike. */
  ambiguous = false;

  /**
   * The mapping that an unmap at this address means: one that agrees in kind, size and direction, else any at the
   * address; of several alike the one that `among` says.
   * @returns -1 when none is there.
   */
  at(device: number, dma: number, kind: MappingKind, size: number, direction: number, o: Ends): number {
    let oldest = -1,
      newest = -1,
      bestScore = -1;
    let m = this.#byDma.first(mixed(device, frameOf(dma)));
    for (let step = 0; m !== -1 && step < walkMax; step++, m = this.#byDma.next(m)) {
      if (this.dma[m]! !== dma || this.device[m]! !== device) continue;
      const score =
        (this.kind[m]! === kind ? 4 : 0) +
        (this.size[m]! === size ? 2 : 0) +
        (this.direction[m]! === direction ? 1 : 0);
      if (score < bestScore) continue;
      if (score > bestScore || this.serial[m]! < this.serial[oldest]!) oldest = m;
      if (score > bestScore || this.serial[m]! > this.serial[newest]!) newest = m;
      bestScore = score;
    }
    return this.among(oldest, newest, o);
  }

  /**
   * Which of several alike an unmap means: the newest, since an older one may have ended without an event; but the oldest
   * while the newest is so young that the event of the older one's end may still come, unless events were lost since the
   * oldest was mapped.
   */
  among(oldest: number, newest: number, { settled, lostAt }: Ends): number {
    this.ambiguous = oldest !== newest;
    if (!this.ambiguous) return oldest;
    return this.time[newest]! <= settled || this.time[oldest]! <= lostAt ? newest : oldest;
  }

  /** The live single mapping that is the very same as this one would be, -1 when there is none. */
  same(device: number, dma: number, phys: number, size: number, direction: number, attrs: number): number {
    let m = this.#byDma.first(mixed(device, frameOf(dma)));
    for (let step = 0; m !== -1 && step < walkMax; step++, m = this.#byDma.next(m)) {
      if (
        this.dma[m]! === dma &&
        this.device[m]! === device &&
        this.phys[m]! === phys &&
        this.size[m]! === size &&
        this.direction[m]! === direction &&
        this.attrs[m]! === attrs &&
        this.kind[m]! === MappingKind.single
      )
        return m;
    }
    return -1;
  }

  /** Another mapping of the device at exactly this bus address, the newest; -1 when none is there. */
  other(m: number): number {
    const device = this.device[m]!,
      dma = this.dma[m]!;
    let o = this.#byDma.first(mixed(device, frameOf(dma)));
    for (let step = 0; o !== -1 && step < walkMax; step++, o = this.#byDma.next(o)) {
      if (o !== m && this.dma[o]! === dma && this.device[o]! === device) return o;
    }
    return -1;
  }

  /**
   * A mapping of the device that holds this bus address, looking back as far as the device maps: one that also holds
   * the bytes after it and agrees in direction, if there is one. @returns -1 when none holds the address.
   */
  holding(device: number, address: number, size: number, direction: number): number {
    const back = Math.min(this.#longest[device] ?? 0, framesBackMax),
      at = frameOf(address);
    let best = -1,
      bestScore = -1;
    for (let frame = at; frame >= at - back && frame >= 0 && bestScore < 3; frame--) {
      let m = this.#byDma.first(mixed(device, frame));
      for (let step = 0; m !== -1 && step < walkMax; step++, m = this.#byDma.next(m)) {
        const start = this.dma[m]!,
          end = start + this.size[m]!;
        if (this.device[m]! !== device || start > address || address >= end || frameOf(start) !== frame) continue;
        const score = (address + size <= end ? 2 : 0) + (this.direction[m]! === direction ? 1 : 0);
        if (score > bestScore) {
          best = m;
          bestScore = score;
        }
      }
    }
    return best;
  }

  /** First list of the device whose first physical address is this one; `nextList` goes on. -1 = none. */
  firstList(device: number, phys: number): number {
    return this.#listFrom(this.#lists.first(listHash(device, phys)), device, phys);
  }

  nextList(list: number): number {
    return this.#listFrom(this.#lists.next(list), this.device[list]!, this.listPhys[list]!);
  }

  /** First neighbour of a physical frame; `neighbourMapping` turns the node into a mapping, `nextNeighbour` goes on. */
  firstNeighbour(frame: number): number {
    return this.#byPhys.first(mixed(0, frame));
  }

  nextNeighbour(node: number): number {
    return this.#byPhys.next(node);
  }

  /** @returns numbers of all live mappings, in no order. */
  *[Symbol.iterator](): Generator<number> {
    for (let m = 0; m < this.#capacity; m++) if (this.serial[m]! > 0) yield m;
  }

  #listFrom(from: number, device: number, phys: number): number {
    let m = from;
    for (let step = 0; m !== -1 && step < walkMax; step++, m = this.#lists.next(m)) {
      if (this.device[m]! === device && this.listPhys[m]! === phys) return m;
    }
    return -1;
  }

  #hasLast(m: number): boolean {
    return frameOf(this.phys[m]! + Math.max(1, this.size[m]!) - 1) !== frameOf(this.phys[m]!);
  }

  #noteLength(device: number, dma: number, size: number): void {
    const frames = frameOf(dma + Math.max(1, size) - 1) - frameOf(dma);
    if (device >= 0 && frames > (this.#longest[device] ?? 0)) this.#longest[device] = frames;
  }

  #grow(): boolean {
    const from = this.#capacity,
      to = from * 2;
    if (to > liveMax) return false;
    this.serial = longer(this.serial, to);
    this.device = longer(this.device, to);
    this.dma = longer(this.dma, to);
    this.phys = longer(this.phys, to);
    this.size = longer(this.size, to);
    this.time = longer(this.time, to);
    this.direction = longer(this.direction, to);
    this.kind = longer(this.kind, to);
    this.attrs = longer(this.attrs, to);
    this.reach = longer(this.reach, to);
    this.group = longer(this.group, to);
    this.again = longer(this.again, to);
    this.reused = longer(this.reused, to);
    this.nextInList = longer(this.nextInList, to);
    this.entries = longer(this.entries, to);
    this.listBytes = longer(this.listBytes, to);
    this.listPhys = longer(this.listPhys, to);
    this.listCheck = longer(this.listCheck, to);
    this.#byDma.grow(to);
    this.#byPhys.grow(2 * to);
    this.#lists.grow(to);
    this.#free = countdown(from, to);
    this.#freeCount = to - from;
    this.#capacity = to;
    return true;
  }
}

/** Numbers from `to` - 1 down to `from`, in an array with room for all numbers below `to`. */
function countdown(from: number, to: number): Int32Array {
  const numbers = new Int32Array(to);
  for (let i = 0; i < to - from; i++) numbers[i] = to - 1 - i;
  return numbers;
}

function listHash(device: number, phys: number): number {
  return (mixed(device, frameOf(phys)) ^ Math.imul(phys % pageBytes, 0x27d4eb2f)) >>> 0;
}

type Column = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

function longer<C extends Column>(column: C, length: number): C {
  const Kind = column.constructor as new (length: number) => C;
  const more = new Kind(length);
  more.set(column);
  return more;
}
