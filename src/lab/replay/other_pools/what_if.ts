/**
 * The same requests on other pools: which size and how many areas would have been enough.
 *
 * Requests run through every pool in batches, so that each pool's memory stays in the cache for a while.
 */
import { Pool, type Profile } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import type { Operation } from "../contracts/operation.js";
import type { DeviceMasks } from "../machine/masks.js";
import type { WhatIf } from "../told/outcome.js";
import { lastByteReached } from "./last_byte_reached.js";
import { type RequestSink, refusedIds } from "./request_stream.js";

export interface Setting {
  readonly slots: number;
  readonly areas: number;
  readonly forced: boolean;
}

/** A pool to replay on instead of the recorded one; without slots there is none. */
export interface Replacement extends Setting {
  /** Search rules; the recorded kernel's where nothing else is said. */
  readonly profile?: Profile;
}

const batchMax = 1 << 15;
const Kind = { map: 0, unmap: 1 } as const;

export class WhatIfPools implements RequestSink {
  readonly #pools: SettingPool[];
  readonly #columns = new Columns();
  readonly #masks: DeviceMasks;

  /** @param o.masks a device of which none is known reaches everything */
  constructor(o: {
    readonly settings: readonly Setting[];
    readonly base: number;
    readonly profile: Profile;
    readonly alignments: Alignments;
    readonly masks: DeviceMasks;
  }) {
    this.#masks = o.masks;
    this.#pools = o.settings.map((s) => new SettingPool(s, o.base, o.profile, o.alignments));
  }

  begin(op: Operation, id: number): void {
    const printed = this.#masks.isStated(op.device) ? Number.NaN : op.mask;
    const mask = Number.isNaN(printed) ? this.#masks.at(op.device, op.at).mask : printed;
    this.#columns.push(Kind.map, id, op, Number.isNaN(mask) ? Number.MAX_VALUE : mask);
    if (this.#columns.count === batchMax) this.#run();
  }

  end(_op: Operation, id: number): void {
    this.#columns.push(Kind.unmap, id, null, 0);
    if (this.#columns.count === batchMax) this.#run();
  }

  finish(): WhatIf[] {
    this.#run();
    return this.#pools.map((p) => p.result());
  }

  #run(): void {
    for (const pool of this.#pools) pool.run(this.#columns);
    this.#columns.count = 0;
  }
}

/** A batch of requests as columns of numbers. */
class Columns {
  count = 0;
  readonly kind = new Uint8Array(batchMax);
  readonly id = new Int32Array(batchMax);
  readonly cpu = new Uint16Array(batchMax);
  readonly device = new Int32Array(batchMax);
  readonly high = new Int32Array(batchMax);
  readonly low = new Int32Array(batchMax);
  readonly size = new Int32Array(batchMax);
  /** Last byte of the buffer, and the device's mask. */
  readonly last = new Float64Array(batchMax);
  readonly mask = new Float64Array(batchMax);

  push(kind: number, id: number, op: Operation | null, mask: number): void {
    const i = this.count++;
    this.kind[i] = kind;
    this.id[i] = id;
    if (op === null) return;
    this.cpu[i] = op.cpu;
    this.device[i] = op.device;
    this.high[i] = Math.floor(op.orig / 2 ** 32);
    this.low[i] = op.orig;
    this.size[i] = op.size;
    this.last[i] = lastByteReached(op);
    this.mask[i] = mask;
  }
}

const nowhere = -1;

class SettingPool {
  readonly #setting: Setting;
  readonly #pool: Pool;
  readonly #alignments: Alignments;
  /** Offset of each living mapping by its number; -1 = not in this pool. Refused requests count from the middle. */
  #places = new Int32Array(1 << 12).fill(nowhere);
  #refusedPlaces = new Int32Array(1 << 8).fill(nowhere);
  #bounced = 0;
  #failed = 0;
  readonly #minAlign: number[] = [];
  readonly #boundary: number[] = [];

  constructor(s: Setting, base: number, profile: Profile, alignments: Alignments) {
    this.#setting = s;
    this.#pool = new Pool({ start: base, slots: s.slots, areas: s.areas, profile });
    this.#alignments = alignments;
  }

  run(c: Columns): void {
    const pool = this.#pool;
    const forced = this.#setting.forced;
    for (let i = 0; i < c.count; i++) {
      const id = c.id[i]!;
      const refused = id >= refusedIds;
      const k = refused ? id - refusedIds : id;
      if (c.kind[i] === Kind.unmap) {
        const places = refused ? this.#refusedPlaces : this.#places;
        const at = k < places.length ? places[k]! : nowhere;
        if (at === nowhere) continue;
        places[k] = nowhere;
        pool.unmap(at, this.#minAlign[pool.tagAt(at >> 11)] ?? 0);
        continue;
      }
      const d = c.device[i]!;
      if (this.#minAlign[d] === undefined) this.#learn(d);
      if (!forced && !(c.last[i]! > c.mask[i]!)) continue;
      this.#bounced++;
      const mam = this.#minAlign[d]!;
      const at = pool.map(c.cpu[i]!, c.high[i]!, c.low[i]!, c.size[i]!, mam, 0, this.#boundary[d]!);
      if (at < 0) {
        this.#failed++;
        this.#bounced--;
        continue;
      }
      pool.setTag(at, d);
      this.#remember(k, refused, at);
    }
  }

  #remember(k: number, refused: boolean, at: number): void {
    let places = refused ? this.#refusedPlaces : this.#places;
    if (k >= places.length) {
      const more = new Int32Array(2 ** Math.ceil(Math.log2(k + 1))).fill(nowhere);
      more.set(places);
      places = more;
      if (refused) this.#refusedPlaces = more;
      else this.#places = more;
    }
    places[k] = at;
  }

  #learn(d: number): void {
    this.#minAlign[d] = this.#alignments.minAlignMask(d);
    this.#boundary[d] = this.#alignments.boundarySlots(d);
  }

  result(): WhatIf {
    const { slots, areas, forced } = this.#setting;
    return { slots, areas, forced, bounced: this.#bounced, failed: this.#failed, hiwater: this.#pool.hiwater };
  }
}
