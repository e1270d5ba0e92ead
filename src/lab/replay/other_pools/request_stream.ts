/**
 * The requests of a recording, freed from the pool it was made on: mappings that begin and end, to be tried elsewhere.
 *
 * A request that the recorded kernel refused has no unmapping in the recording. It is held as long as the mappings of
 * its device lived on average until then: an assumption, counted in `assumed`. A driver that was refused would have
 * gone on differently: what it tries again is one request, for where it is served nothing is tried again.
 */

import { type Operation, Outcome } from "../contracts/operation.js";
import type { Carried, CarriedSink } from "../contracts/sinks.js";
import { RepeatedRequests } from "./repeated_requests.js";

export interface RequestSink {
  begin(op: Operation, id: number): void;
  end(op: Operation, id: number, time: number): void;
}

/** Requests that the kernel refused have numbers from here on. */
export const refusedIds = 2 ** 24;

interface Expiry {
  readonly time: number;
  readonly id: number;
  readonly op: Operation;
}

interface Living {
  readonly op: Operation;
  readonly begin: number;
}

export class RequestStream implements CarriedSink {
  readonly #sink: RequestSink;
  readonly #living = new Map<number, Living>();
  readonly #lived: { total: number; count: number }[] = [];
  readonly #expiries: Expiry[] = [];
  readonly #freeIds: number[] = [];
  readonly #repeated = new RepeatedRequests();
  #nextId = refusedIds;
  assumed = 0;

  constructor(sink: RequestSink) {
    this.#sink = sink;
  }

  carried(c: Carried): void {
    const { op } = c;
    this.#expire(op.at);
    if (op.unmap) {
      if (op.id >= 0) this.#end(op.id, op.at);
    } else if (op.address === Outcome.refused || op.address === Outcome.refusedList) this.#refused(op);
    else if (op.address !== Outcome.unknown) {
      this.#repeated.served(op);
      this.#begin(op, op.id);
    }
  }

  released(): void {
    // Entries of a refused list end as refused requests do.
  }

  #refused(op: Operation): void {
    if (this.#repeated.isRepeated(op)) return;
    this.assumed++;
    const lived = this.#lived[op.device];
    const life = lived === undefined ? 0 : lived.total / lived.count;
    const id = this.#freeIds.pop() ?? this.#nextId++;
    this.#begin(op, id);
    insert(this.#expiries, { time: op.at + life, id, op });
  }

  #begin(op: Operation, id: number): void {
    this.#living.set(id, { op, begin: op.at });
    this.#sink.begin(op, id);
  }

  #end(id: number, time: number): void {
    const living = this.#living.get(id);
    if (living === undefined) return;
    this.#living.delete(id);
    if (id >= refusedIds) this.#freeIds.push(id);
    else {
      const lived = (this.#lived[living.op.device] ??= { total: 0, count: 0 });
      lived.total += time - living.begin;
      lived.count++;
    }
    this.#sink.end(living.op, id, time);
  }

  #expire(now: number): void {
    for (let e = this.#expiries.at(-1); e !== undefined && e.time <= now; e = this.#expiries.at(-1)) {
      this.#expiries.pop();
      this.#end(e.id, e.time);
    }
  }
}

/** Keep the list sorted, soonest last. */
function insert(list: Expiry[], e: Expiry): void {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (list[mid]!.time > e.time) low = mid + 1;
    else high = mid;
  }
  list.splice(low, 0, e);
}
