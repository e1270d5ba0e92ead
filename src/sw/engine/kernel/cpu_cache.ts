/**
 * A CPU's cache in front of memory, by bus address, so that a device that goes past it shows what a missing or wrong
 * cache operation does: it reads old memory, or the CPU reads old lines.
 *
 * Lines are filled by any access and stay until maintenance or for ever; a real cache may also evict a line at any
 * moment, so a run that is right here need not be right there, but one that is wrong here is wrong.
 */
import { frameBytes } from "../../../base/frame.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import type { CacheOps } from "../ports.js";

const lineBytes = 64;
const pageBytes = frameBytes;

interface Line {
  readonly bytes: Uint8Array;
  changed: boolean;
}

export class CpuCache implements ByteMemory, CacheOps {
  readonly #inner: ByteMemory;
  readonly #machine: ByteMemory;
  readonly #physToBus: (phys: number) => number;
  readonly #lines = new Map<number, Line>();
  readonly #uncached = new Set<number>();
  readonly #told: (what: "written back" | "lost") => void;

  /**
   * @param o.inner what the CPU's addresses mean
   * @param o.machine memory by bus address: where lines are written back to
   * @param o.told of each line that is written back, or forgotten while it was changed
   */
  constructor(o: {
    readonly inner: ByteMemory;
    readonly machine: ByteMemory;
    readonly physToBus: (phys: number) => number;
    readonly told?: (what: "written back" | "lost") => void;
  }) {
    this.#told = o.told ?? (() => {});
    this.#inner = o.inner;
    this.#machine = o.machine;
    this.#physToBus = o.physToBus;
  }

  read(address: number, into: Uint8Array): void {
    // The inner read checks the access and is what a miss brings in.
    this.#inner.read(address, into);
    this.#eachLine(address, into.length, (bus, low, from, count) => {
      if (this.#isUncached(bus)) return;
      const line = this.#lines.get(bus / lineBytes) ?? this.#fill(bus);
      into.set(line.bytes.subarray(low, low + count), from);
    });
  }

  write(address: number, from: Uint8Array): void {
    this.#inner.read(address, new Uint8Array(from.length));
    this.#eachLine(address, from.length, (bus, low, at, count) => {
      const bytes = from.subarray(at, at + count);
      if (this.#isUncached(bus)) return this.#inner.write(address + at, bytes);
      const line = this.#lines.get(bus / lineBytes) ?? this.#fill(bus);
      line.bytes.set(bytes, low);
      line.changed = true;
    });
  }

  copy(o: { readonly from: number; readonly to: number; readonly count: number }): void {
    const bytes = new Uint8Array(o.count);
    this.read(o.from, bytes);
    this.write(o.to, bytes);
  }

  /** What the CPU would read, without bringing anything in: for those who only look. */
  peek(): ByteMemory {
    const read = (address: number, into: Uint8Array): void => {
      this.#inner.read(address, into);
      this.#eachLine(address, into.length, (bus, low, from, count) => {
        const line = this.#isUncached(bus) ? undefined : this.#lines.get(bus / lineBytes);
        if (line !== undefined) into.set(line.bytes.subarray(low, low + count), from);
      });
    };
    return { read, write: (a, from) => this.write(a, from), copy: (o) => this.copy(o) };
  }

  clean(bus: number, length: number): void {
    this.#eachHeld(bus, length, (n, line) => {
      if (!line.changed) return;
      this.#machine.write(n * lineBytes, line.bytes);
      line.changed = false;
      this.#told("written back");
    });
  }

  /** A line that reaches beyond the range is written back first, as arm64 does: what lies beside is not the DMA's. */
  invalidate(bus: number, length: number): void {
    this.#eachHeld(bus, length, (n, line) => {
      const at = n * lineBytes;
      if (line.changed && (at < bus || at + lineBytes > bus + length)) this.#machine.write(at, line.bytes);
      else if (line.changed) this.#told("lost");
      this.#lines.delete(n);
    });
  }

  setUncached(bus: number, length: number, uncached: boolean): void {
    if (uncached) {
      this.clean(bus, length);
      this.invalidate(bus, length);
    }
    for (let frame = Math.floor(bus / pageBytes); frame * pageBytes < bus + length; frame++) {
      if (uncached) this.#uncached.add(frame);
      else this.#uncached.delete(frame);
    }
  }

  #fill(bus: number): Line {
    const line = { bytes: new Uint8Array(lineBytes), changed: false };
    this.#machine.read(bus, line.bytes);
    this.#lines.set(bus / lineBytes, line);
    return line;
  }

  #isUncached(bus: number): boolean {
    return this.#uncached.size > 0 && this.#uncached.has(Math.floor(bus / pageBytes));
  }

  /** Call `visit` with each line's bus address, and which bytes of it are which bytes of the range. */
  #eachLine(
    address: number,
    size: number,
    visit: (bus: number, low: number, from: number, count: number) => void,
  ): void {
    for (let done = 0; done < size; ) {
      const bus = this.#physToBus(address + done);
      const low = bus % lineBytes;
      const count = Math.min(lineBytes - low, size - done);
      visit(bus - low, low, done, count);
      done += count;
    }
  }

  #eachHeld(bus: number, length: number, visit: (n: number, line: Line) => void): void {
    const end = Math.ceil((bus + length) / lineBytes);
    for (let n = Math.floor(bus / lineBytes); n < end; n++) {
      const line = this.#lines.get(n);
      if (line !== undefined) visit(n, line);
    }
  }
}
