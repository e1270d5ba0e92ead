/**
 * The requests of a recording, freed from the pool it was made on: mappings that begin and end, to be tried elsewhere.
 *
 * A request that the recorded kernel refused has no unmapping in the recording. It is held as long as the mappings of
 * its device lived on average until then: an assumption, counted in `assumed`. A driver that was refused would have
 * gone on differently: what it tries again is one request, for where it is served nothing is tried again.
 */
import { longer } from "../contracts/columns.js";
import type { Mappings } from "../contracts/mappings.js";
import { none, Outcome } from "../contracts/operation.js";
import type { CarriedSink } from "../contracts/sinks.js";
import { RepeatedRequests } from "./repeated_requests.js";

export interface RequestSink {
  /** @param m the mapping that was asked for; @param id a number that is the request's own while it lives */
  begin(m: number, id: number): void;
  /** @param time microseconds; @param device whose request it was */
  end(id: number, time: number, device: number): void;
}

interface Expiry {
  readonly time: number;
  readonly id: number;
}

export class RequestStream implements CarriedSink {
  readonly #maps: Mappings;
  readonly #sink: RequestSink;
  /** Number of each mapping's request that the kernel granted; -1 = none. */
  #ids = new Int32Array(1024);
  /** By a request's number: when it began, of which device; 1 for those that the recorded kernel refused. */
  #began = new Float64Array(1024);
  #device = new Int32Array(1024);
  #refused = new Uint8Array(1024);
  readonly #freeIds: number[] = [];
  #nextId = 0;
  /** How long mappings of each device lived, in all, and how many of them. */
  readonly #lived: { total: number; count: number }[] = [];
  readonly #expiries: Expiry[] = [];
  readonly #repeated: RepeatedRequests;
  assumed = 0;

  constructor(maps: Mappings, sink: RequestSink) {
    this.#maps = maps;
    this.#sink = sink;
    this.#repeated = new RepeatedRequests(maps);
  }

  mapped(m: number): void {
    const outcome = this.#maps.outcome[m];
    if (m >= this.#ids.length) this.#ids = longer(this.#ids, 2 * m);
    this.#ids[m] = none;
    this.#expire(this.#maps.time[m]!);
    if (outcome === Outcome.refused || outcome === Outcome.refusedList) this.#askedInVain(m);
    else if (outcome !== Outcome.unknown) {
      this.#repeated.served(m);
      this.#ids[m] = this.#begin(m, 0);
    }
  }

  unmapped(m: number, time: number): void {
    this.#expire(time);
    // What was mapped before the recording was no request in it.
    if (this.#maps.device[m]! < 0) return;
    const id = this.#ids[m]!;
    if (id !== none) this.#end(id, time);
  }

  released(): void {
    // Entries of a refused list end as refused requests do.
  }

  #askedInVain(m: number): void {
    if (this.#repeated.isRepeated(m)) return;
    this.assumed++;
    const lived = this.#lived[this.#maps.device[m]!];
    const life = lived === undefined ? 0 : lived.total / lived.count;
    insert(this.#expiries, { time: this.#maps.time[m]! + life, id: this.#begin(m, 1) });
  }

  #begin(m: number, refused: number): number {
    const id = this.#freeIds.pop() ?? this.#nextId++;
    if (id >= this.#began.length) this.#makeRoom();
    this.#began[id] = this.#maps.time[m]!;
    this.#device[id] = this.#maps.device[m]!;
    this.#refused[id] = refused;
    this.#sink.begin(m, id);
    return id;
  }

  #end(id: number, time: number): void {
    this.#freeIds.push(id);
    if (this.#refused[id] === 0) {
      const lived = (this.#lived[this.#device[id]!] ??= { total: 0, count: 0 });
      lived.total += time - this.#began[id]!;
      lived.count++;
    }
    this.#sink.end(id, time, this.#device[id]!);
  }

  #expire(now: number): void {
    for (let e = this.#expiries.at(-1); e !== undefined && e.time <= now; e = this.#expiries.at(-1)) {
      this.#expiries.pop();
      this.#end(e.id, e.time);
    }
  }

  #makeRoom(): void {
    this.#began = longer(this.#began);
    this.#device = longer(this.#device);
    this.#refused = longer(this.#refused);
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
