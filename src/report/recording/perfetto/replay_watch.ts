/** A replay as a Perfetto trace: each mapping's life on its device's track, the pool's occupancy as a counter. */
import type { Mappings } from "../../../lab/replay/contracts/mappings.js";
import { Outcome } from "../../../lab/replay/contracts/operation.js";
import type { Carried, CarriedSink } from "../../../lab/replay/contracts/sinks.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { PerfettoWriter } from "./perfetto_writer.js";

/** A mapping that has no end in the recording. */
interface Endless {
  readonly track: string;
  readonly words: string;
  readonly begin: number;
}

export class ReplayWatch implements CarriedSink {
  readonly #maps: Mappings;
  readonly #writer: PerfettoWriter;
  readonly #deviceNames: readonly string[];
  /** When each mapping began that has not ended. */
  readonly #begun = new Map<number, number>();
  readonly #endless: Endless[] = [];
  #used = 0;
  #last = 0;

  /** @param sink is given the file in chunks */
  constructor(maps: Mappings, deviceNames: readonly string[], sink: (chunk: Uint8Array) => void) {
    this.#maps = maps;
    this.#deviceNames = deviceNames;
    this.#writer = new PerfettoWriter(sink);
  }

  mapped(m: number, c: Carried): void {
    const { time, address, outcome, size } = this.#maps;
    this.#last = Math.max(this.#last, time[m]!);
    if (address[m]! >= 0 || c.model >= 0) this.#begin(m);
    else if (outcome[m] === Outcome.refused || c.refusal !== null) {
      const reason = c.refusal?.reason ?? "refused";
      this.#writer.instant(this.#name(m), `${size[m]} bytes refused: ${reason}`, time[m]!);
    }
  }

  unmapped(m: number, time: number): void {
    this.#last = Math.max(this.#last, time);
    this.#end(m, time);
  }

  released(m: number, time: number): void {
    this.#end(m, time);
  }

  /** Mappings that never ended last until the end. */
  finish(): void {
    for (const { track, words, begin } of this.#endless) this.#writer.slice(track, words, begin, this.#last);
    for (const [m, begin] of this.#begun) this.#writer.slice(this.#name(m), this.#words(m), begin, this.#last);
    this.#writer.finish();
  }

  #begin(m: number): void {
    const begin = this.#maps.time[m]!;
    if (this.#maps.bounced[m] === 1) this.#count(m, 1);
    // No event ever names its end, and its number will be another's.
    if (this.#maps.outcome[m] === Outcome.beyond) {
      this.#endless.push({ track: this.#name(m), words: this.#words(m), begin });
    } else this.#begun.set(m, begin);
  }

  #end(m: number, time: number): void {
    const begin = this.#begun.get(m);
    if (begin === undefined) return;
    this.#begun.delete(m);
    this.#writer.slice(this.#name(m), this.#words(m), begin, Math.max(begin, time));
    if (this.#maps.bounced[m] === 1) this.#count(m, -1);
  }

  #words(m: number): string {
    const { bounced, address, orig, size } = this.#maps;
    const way = bounced[m] === 1 ? "bounced" : address[m] === orig[m] ? "direct" : "translated";
    return `${size[m]} bytes ${way}`;
  }

  #count(m: number, sign: number): void {
    const { size, address } = this.#maps;
    const inSlot = address[m]! >= 0 ? address[m]! % slotBytes : 0;
    this.#used += sign * Math.ceil((size[m]! + inSlot) / slotBytes);
    this.#writer.counter("swiotlb slots in use", this.#last, this.#used);
  }

  #name(m: number): string {
    return this.#deviceNames[this.#maps.device[m]!] ?? "unknown device";
  }
}
