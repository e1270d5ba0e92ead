/** Without a pool to be in step with, operations go on in the recording's own order, as soon as they are known. */
import { longer } from "../contracts/columns.js";
import type { Mappings } from "../contracts/mappings.js";
import { isEnd, mappingOf, Outcome } from "../contracts/operation.js";
import { type Carried, type CarriedSink, Choice, type OperationSink } from "../contracts/sinks.js";

const noPool: Carried = { model: Choice.none, kernel: Choice.none, agrees: true, refusal: null };

export class RecordedOrder implements OperationSink {
  readonly #maps: Mappings;
  readonly #sink: CarriedSink;
  #waiting = new Int32Array(1024);
  #count = 0;

  constructor(maps: Mappings, sink: CarriedSink) {
    this.#maps = maps;
    this.#sink = sink;
  }

  push(op: number): void {
    if (this.#count === this.#waiting.length) this.#waiting = longer(this.#waiting);
    this.#waiting[this.#count++] = op;
  }

  advance(): void {
    const { outcome, at } = this.#maps;
    const waiting = this.#waiting;
    let k = 0;
    for (; k < this.#count; k++) {
      const op = waiting[k]!,
        m = mappingOf(op);
      if (isEnd(op)) this.#sink.unmapped(m, at[op]!);
      else if (outcome[m] !== Outcome.open) this.#sink.mapped(m, noPool);
      else break;
      this.#maps.reported(op);
    }
    if (k > 0) waiting.copyWithin(0, k, this.#count);
    this.#count -= k;
  }
}
