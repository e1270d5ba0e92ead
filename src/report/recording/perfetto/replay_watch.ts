/** A replay as a Perfetto trace: each mapping's life on its device's track, the pool's occupancy as a counter. */
import type { Mappings } from "../../../lab/replay/contracts/mappings.js";
import { Outcome } from "../../../lab/replay/contracts/operation.js";
import type { Carried, CarriedSink } from "../../../lab/replay/contracts/sinks.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { PerfettoWriter } from "./perfetto_writer.js";

/** A mapping's life, which lasts until the end of the recording unless its own comes before. */
interface Life {
  readonly track: string;
  readonly words: string;
  readonly begin: number;
}

export class ReplayWatch implements CarriedSink {
  readonly #maps: Mappings;
  readonly #writer: PerfettoWriter;
  readonly #deviceNames: readonly string[];
  /** All that have not ended, and those whose mapping's number is not yet another's. */
  readonly #lives = new Set<Life>();
  readonly #lifeOf = new Map<number, Life>();
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
    this.#lifeOf.delete(m);
    if (address[m]! >= 0 || c.model >= 0) this.#begin(m);
    else if (outcome[m] === Outcome.refused || c.refusal !== null) {
      const reason = c.refusal?.reason ?? "refused";
      this.#writer.instant(this.#name(m), `${size[m]} bytes refused: ${reason}`, time[m]!);
    }
  }

  unmapped(m: number, time: number): void {
    this.#last = Math.max(this.#last, time);
    // What was mapped before the recording has no life in it.
    if (this.#maps.device[m]! >= 0) this.#end(m, time);
  }

  released(m: number, time: number): void {
    this.#end(m, time);
  }

  /** Mappings that never ended last until the end. */
  finish(): void {
    for (const { track, words, begin } of this.#lives) this.#writer.slice(track, words, begin, this.#last);
    this.#writer.finish();
  }

  #begin(m: number): void {
    const { bounced, address, orig, size, time } = this.#maps;
    const way = bounced[m] === 1 ? "bounced" : address[m] === orig[m] ? "direct" : "translated";
    const life = { track: this.#name(m), words: `${size[m]} bytes ${way}`, begin: time[m]! };
    this.#lives.add(life);
    this.#lifeOf.set(m, life);
    if (bounced[m] === 1) this.#count(m, 1);
  }

  #end(m: number, time: number): void {
    const life = this.#lifeOf.get(m);
    if (life === undefined) return;
    this.#lifeOf.delete(m);
    this.#lives.delete(life);
    this.#writer.slice(life.track, life.words, life.begin, Math.max(life.begin, time));
    if (this.#maps.bounced[m] === 1) this.#count(m, -1);
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
