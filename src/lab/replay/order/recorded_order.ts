/** Without a pool to be in step with, operations go on in the recording's own order, as soon as they are known. */

import type { Operation } from "../contracts/operation.js";
import type { CarriedSink, OperationSink } from "../contracts/sinks.js";

export class RecordedOrder implements OperationSink {
  readonly #sink: CarriedSink;
  #waiting: Operation[] = [];

  constructor(sink: CarriedSink) {
    this.#sink = sink;
  }

  push(op: Operation): void {
    this.#waiting.push(op);
  }

  advance(): void {
    let k = 0;
    for (; k < this.#waiting.length; k++) {
      const op = this.#waiting[k]!;
      if (Number.isNaN(op.address)) break;
      this.#sink.carried({ op, model: Number.NaN, kernel: Number.NaN, agrees: true, refusal: null });
    }
    this.#waiting = this.#waiting.slice(k);
  }
}
