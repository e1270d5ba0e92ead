/**
 * A program that sends and is sent packets, and the station at the other end of the wire: each knows what must come,
 * and compares every byte of it.
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes } from "../../../base/frame.js";
import type { Rng } from "../../../base/rng.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import type { OneWay } from "../../../sim/actor.js";
import type { Piece } from "../../../sw/driver/nic_driver.js";
import type { GuestKernel } from "../../../sw/xen/index.js";
import { fill } from "./block_load.js";
import { firstDifference } from "./sector_contents.js";

export interface NetLoadOptions {
  readonly name: string;
  /** Stands in the last byte of its address on the wire. */
  readonly number: number;
  readonly kernel: GuestKernel;
  /** Its memory as this program sees it. */
  readonly memory: ByteMemory;
  readonly rng: Rng;
  /** Packets, half of them out and half of them in. */
  readonly requests: number;
  readonly size: { readonly from: number; readonly to: number };
  readonly send: (pieces: readonly Piece[], done: (ok: boolean) => void) => void;
}

const nothing = new Map<number, Uint8Array>();
const depth = 16;
/** Two addresses and a type, then the number of the packet. */
const headerBytes = 14;
/** What tells packets of one program from those of anybody who uses its address. */
const markBytes = 8;
export const packetMin = 60;
/** Jumbo frames. */
export const packetMax = 9014;

export class NetLoad implements OneWay {
  readonly name: string;
  readonly #o: NetLoadOptions;
  /** Packets under way in each direction, by number. */
  readonly #out = new Map<number, Uint8Array>();
  /** Packets that failed: one may have gone out before, and is then held against its bytes. */
  readonly #given = new Map<number, Uint8Array>();
  readonly #in = new Map<number, Uint8Array>();
  /** What the station will put on the wire. */
  readonly fromStation: Uint8Array[] = [];
  readonly #mark: number;
  /** Packets that carry its address and are none of its own. */
  noise = 0;
  issued = 0;
  ended = 0;
  failed = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Packets whose bytes were not what they should have been. */
  readonly wrong: string[] = [];

  constructor(o: NetLoadOptions) {
    this.name = o.name;
    this.#o = o;
    this.#mark = o.rng.below(2 ** 32);
  }

  ready(): boolean {
    return this.issued < this.#o.requests && this.issued - this.ended < depth;
  }

  step(): void {
    const { rng, size } = this.#o;
    const bytes = new Uint8Array(size.from + rng.below(size.to - size.from + 1));
    fill(bytes, rng);
    const outward = rng.below(2) === 0;
    this.#address(bytes, outward, this.issued);
    if (!outward) {
      this.#in.set(this.issued++, bytes);
      this.fromStation.push(bytes);
      return;
    }
    const pieces = this.#pieces(bytes);
    if (pieces === null) {
      if (this.issued === this.ended) {
        throw new Misuse("no-memory", `${this.name} takes ${bytes.length} bytes for one of its packets`);
      }
      return;
    }
    const number = this.issued++;
    this.#out.set(number, bytes);
    this.#o.send(pieces, (ok) => {
      for (const p of pieces) this.#o.kernel.freePages(p.page, 0);
      this.ended++;
      if (ok) this.bytesSent += bytes.length;
      else {
        this.failed++;
        if (this.#out.delete(number)) this.#given.set(number, bytes);
      }
    });
  }

  /** The station took a packet of this program from the wire. */
  onWire(packet: Uint8Array): void {
    this.#compare(packet, this.#out, "sent", this.#given);
  }

  /** The program was given a packet. */
  received(packet: Uint8Array): void {
    if (!this.#compare(packet, this.#in, "received")) return;
    this.ended++;
    this.bytesReceived += packet.length;
  }

  /** Packets that never came, when nothing is under way any more. */
  lost(): string[] {
    const missing = (map: ReadonlyMap<number, unknown>, what: string) =>
      [...map.keys()].slice(0, 5).map((n) => `packet ${n} was ${what} and never came`);
    return [...missing(this.#out, "sent"), ...missing(this.#in, "put on the wire")];
  }

  #compare(packet: Uint8Array, awaited: Map<number, Uint8Array>, what: string, perhaps = nothing): boolean {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    if (packet.length < headerBytes + markBytes || view.getUint32(headerBytes + 4) !== this.#mark) {
      this.noise++;
      return false;
    }
    const number = view.getUint32(headerBytes);
    const expected = awaited.get(number) ?? perhaps.get(number);
    if (expected === undefined) {
      this.wrong.push(`a packet was ${what} that nobody awaited (number ${number})`);
      return false;
    }
    if (!awaited.delete(number)) perhaps.delete(number);
    const at = packet.length === expected.length ? firstDifference(packet, expected) : packet.length;
    if (at >= 0) this.wrong.push(`packet ${number}: byte ${at} of ${expected.length} ${what} differs`);
    return true;
  }

  #address(bytes: Uint8Array, outward: boolean, number: number): void {
    const [to, from] = outward ? [stationNumber, this.#o.number] : [this.#o.number, stationNumber];
    bytes.set([2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5]);
    const view = new DataView(bytes.buffer);
    view.setUint32(headerBytes, number);
    view.setUint32(headerBytes + 4, this.#mark);
  }

  /** The packet in pieces at any place of pages; at most one more than it needs pages. */
  #pieces(bytes: Uint8Array): Piece[] | null {
    const { rng, kernel, memory } = this.#o;
    const pieces: Piece[] = [];
    for (let at = 0; at < bytes.length; ) {
      const left = bytes.length - at;
      const page = kernel.allocPages(0);
      if (page === null) {
        for (const p of pieces) kernel.freePages(p.page, 0);
        return null;
      }
      const size = Math.min(left, 600 + rng.below(frameBytes - 600 + 1));
      const offset = rng.below(frameBytes - size + 1);
      memory.write(page * frameBytes + offset, bytes.subarray(at, at + size));
      pieces.push({ page, offset, size });
      at += size;
    }
    return pieces;
  }
}

const stationNumber = 0;
