/**
 * A program that reads and writes a disk, and knows what must come back: every byte that it writes it remembers when
 * the write has ended, and every byte that it reads it compares.
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, type Pfn } from "../../../base/frame.js";
import type { Rng } from "../../../base/rng.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import type { OneWay } from "../../../sim/actor.js";
import type { GuestKernel } from "../../../sw/xen/guest_kernel.js";
import { SectorContents, sectorBytes } from "./sector_contents.js";

const sectorsPerPage = 8;

/** What is asked of a disk: whole sectors to or from pages. */
export interface BlockRequest {
  readonly toDisk: boolean;
  readonly sector: number;
  readonly pages: readonly Pfn[];
  /** How many pages each block of pages that follow each other has, in order. */
  readonly blocks: readonly number[];
  /** First sector in the first page. */
  readonly first: number;
  readonly sectors: number;
  done(ok: boolean): void;
}

export interface BlockLoadOptions {
  readonly name: string;
  readonly kernel: GuestKernel;
  /** Its memory as this program sees it. */
  readonly memory: ByteMemory;
  readonly rng: Rng;
  readonly requests: number;
  /** Bytes of a request, in whole sectors. */
  readonly size: { readonly from: number; readonly to: number };
  /** Sectors that this program has for itself. */
  readonly sectors: number;
  readonly submit: (r: BlockRequest) => void;
  /** Pages come in blocks of 1 to 2^orderMax that follow each other. Default 0: single pages. */
  readonly orderMax?: number;
}

/** Pages of a request: those that are used, in blocks of so many, each allocated with its order. */
interface Held {
  readonly pages: Pfn[];
  readonly blocks: number[];
  readonly orders: number[];
}

/** Requests under way at once. */
const depth = 16;

export class BlockLoad implements OneWay {
  readonly name: string;
  readonly #o: BlockLoadOptions;
  readonly #contents: SectorContents;
  /** Requests under way by first sector: their sectors, which no other may meet, and the bytes that a write has. */
  readonly #busy = new Map<number, { readonly sectors: number; readonly written: Uint8Array | null }>();
  /** Buffers of writes that have ended: they are hot, and a fresh one is cleared first. */
  readonly #spare: Uint8Array[] = [];
  issued = 0;
  ended = 0;
  failed = 0;
  bytesWritten = 0;
  bytesRead = 0;
  /** Requests whose bytes were not what they should have been. */
  readonly wrong: string[] = [];

  constructor(o: BlockLoadOptions) {
    this.name = o.name;
    this.#o = o;
    this.#contents = new SectorContents(o.sectors);
  }

  ready(): boolean {
    return this.issued < this.#o.requests && this.issued - this.ended < depth;
  }

  /** Issue one request: a place that nobody uses now, fresh pages, random bytes. */
  step(): void {
    const { rng, size } = this.#o;
    const sectors = Math.max(1, Math.round((size.from + rng.below(size.to - size.from + 1)) / sectorBytes));
    const sector = this.#place(sectors);
    const first = rng.below(sectorsPerPage);
    const held = sector === null ? null : this.#pages(Math.ceil((first + sectors) / sectorsPerPage));
    if (sector === null || held === null) {
      if (this.issued === this.ended) {
        const bytes = Math.ceil((first + sectors) / sectorsPerPage) * frameBytes;
        throw new Misuse("no-memory", `${this.name} takes ${bytes} bytes for one of its requests`);
      }
      return;
    }
    const { pages, blocks } = held;
    const number = this.issued++;
    const toDisk = rng.below(2) === 0;
    const written = toDisk ? this.#buffer(sectors * sectorBytes) : null;
    this.#busy.set(sector, { sectors, written });
    if (written !== null) {
      fill(written, rng);
      this.#copy(pages, first, written, "in");
    }
    this.#o.submit({
      toDisk,
      sector,
      pages,
      blocks,
      first,
      sectors,
      done: (ok) => this.#end({ number, sector, held, first, ok }),
    });
  }

  /** @param part the program's sectors as the disk holds them @returns the first byte that cannot be; -1: all may */
  differenceOn(part: Uint8Array): number {
    for (const [sector, { written }] of this.#busy) {
      if (written !== null) this.#contents.mayHaveWritten(sector, written);
    }
    return this.#contents.difference(0, part);
  }

  #end(r: { number: number; sector: number; held: Held; first: number; ok: boolean }) {
    const { sectors, written } = this.#busy.get(r.sector)!;
    this.ended++;
    this.#busy.delete(r.sector);
    if (!r.ok) {
      this.failed++;
      if (written !== null) this.#contents.mayHaveWritten(r.sector, written);
    } else if (written !== null) {
      this.bytesWritten += written.length;
      this.#contents.wrote(r.sector, written);
    } else {
      const got = new Uint8Array(sectors * sectorBytes);
      this.bytesRead += got.length;
      this.#copy(r.held.pages, r.first, got, "out");
      const at = this.#contents.read(r.sector, got);
      if (at >= 0) this.wrong.push(`request ${r.number}: byte ${at} of ${got.length} at sector ${r.sector} differs`);
    }
    if (written !== null) this.#spare.push(written);
    this.#free(r.held);
  }

  #buffer(bytes: number): Uint8Array {
    const spare = this.#spare.pop()?.buffer;
    return new Uint8Array(spare !== undefined && spare.byteLength >= bytes ? spare : new ArrayBuffer(bytes), 0, bytes);
  }

  #place(sectors: number): number | null {
    for (let tries = 0; tries < 8; tries++) {
      const at = this.#o.rng.below(this.#o.sectors - sectors + 1);
      let free = true;
      for (const [from, r] of this.#busy) free &&= at + sectors <= from || from + r.sectors <= at;
      if (free) return at;
    }
    return null;
  }

  /** At least `count` pages: the last block may have more than are used. */
  #pages(count: number): Held | null {
    const { kernel, rng, orderMax = 0 } = this.#o;
    const held: Held = { pages: [], blocks: [], orders: [] };
    while (held.pages.length < count) {
      const order = orderMax === 0 ? 0 : rng.below(orderMax + 1);
      const first = kernel.allocPages(order);
      if (first === null) {
        this.#free(held);
        return null;
      }
      const used = Math.min(2 ** order, count - held.pages.length);
      held.orders.push(order);
      held.blocks.push(used);
      for (let n = 0; n < used; n++) held.pages.push((first + n) as Pfn);
    }
    return held;
  }

  #free({ pages, blocks, orders }: Held): void {
    let at = 0;
    blocks.forEach((used, n) => {
      this.#o.kernel.freePages(pages[at]!, orders[n]!);
      at += used;
    });
  }

  #copy(pages: readonly Pfn[], first: number, bytes: Uint8Array, way: "in" | "out"): void {
    let at = 0;
    pages.forEach((page, n) => {
      const low = n === 0 ? first * sectorBytes : 0;
      const part = bytes.subarray(at, at + frameBytes - low);
      if (way === "in") this.#o.memory.write(page * frameBytes + low, part);
      else this.#o.memory.read(page * frameBytes + low, part);
      at += part.length;
    });
  }
}

/** Bytes from one draw: xorshift is enough to tell any two sectors apart. */
export function fill(bytes: Uint8Array, rng: Rng): void {
  let x = rng.below(2 ** 32) | 1;
  const next = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x;
  };
  const whole = bytes.byteOffset % 4 === 0 ? bytes.length >> 2 : 0;
  const words = whole === 0 ? null : new Uint32Array(bytes.buffer, bytes.byteOffset, whole);
  for (let n = 0; n < whole; n++) words![n] = next();
  for (let n = whole * 4; n < bytes.length; n++) bytes[n] = next();
}
