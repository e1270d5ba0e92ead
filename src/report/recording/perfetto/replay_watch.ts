/** A replay as a Perfetto trace: each mapping's life on its device's track, the pool's occupancy as a counter. */
import type { Operation } from "../../../lab/replay/contracts/operation.js";
import type { Carried, CarriedSink } from "../../../lab/replay/contracts/sinks.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { PerfettoWriter } from "./perfetto_writer.js";

export class ReplayWatch implements CarriedSink {
  readonly #writer: PerfettoWriter;
  readonly #deviceNames: readonly string[];
  readonly #begun = new Map<Operation, number>();
  #used = 0;
  #last = 0;

  /** @param sink is given the file in chunks */
  constructor(deviceNames: readonly string[], sink: (chunk: Uint8Array) => void) {
    this.#deviceNames = deviceNames;
    this.#writer = new PerfettoWriter(sink);
  }

  carried(c: Carried): void {
    const { op } = c;
    this.#last = Math.max(this.#last, op.at);
    if (op.unmap) this.#end(op.of!, op.at);
    else if (op.address >= 0 || c.model >= 0) this.#begin(op);
    else if (op.address === -1 || c.refusal !== null) {
      const reason = c.refusal?.reason ?? "refused";
      this.#writer.instant(this.#name(op), `${op.size} bytes refused: ${reason}`, op.at);
    }
  }

  released(op: Operation): void {
    this.#end(op, op.hi);
  }

  /** Mappings that never ended last until the end. */
  finish(): void {
    for (const [op, begin] of this.#begun) this.#slice(op, begin, this.#last);
    this.#writer.finish();
  }

  #begin(op: Operation): void {
    this.#begun.set(op, op.at);
    if (op.bounced) this.#count(op, 1);
  }

  #end(op: Operation, time: number): void {
    const begin = this.#begun.get(op);
    if (begin === undefined) return;
    this.#begun.delete(op);
    this.#slice(op, begin, Math.max(begin, time));
    if (op.bounced) this.#count(op, -1);
  }

  #slice(op: Operation, begin: number, end: number): void {
    const way = op.bounced ? "bounced" : op.address === op.orig ? "direct" : "translated";
    this.#writer.slice(this.#name(op), `${op.size} bytes ${way}`, begin, end);
  }

  #count(op: Operation, sign: number): void {
    this.#used += sign * Math.ceil((op.size + (op.address >= 0 ? op.address % slotBytes : 0)) / slotBytes);
    this.#writer.counter("swiotlb slots in use", this.#last, this.#used);
  }

  #name(op: Operation): string {
    return this.#deviceNames[op.device] ?? "unknown device";
  }
}
