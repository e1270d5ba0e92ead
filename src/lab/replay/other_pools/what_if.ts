/**
 * The same requests on other pools: which size and how many areas would have been enough.
 *
 * Requests run through every pool in batches, so that each pool's memory stays in the cache for a while.
 */
import { u64High } from "../../../base/u64.js";
import { Pool, type Profile } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import { longer } from "../contracts/columns.js";
import type { Mappings } from "../contracts/mappings.js";
import type { DeviceMasks } from "../machine/masks.js";
import { lastByteReached } from "./last_byte_reached.js";
import type { RequestSink } from "./request_stream.js";

export interface Setting {
  readonly slots: number;
  readonly areas: number;
  readonly forced: boolean;
}

/** One setting of the pool that the same requests were replayed on. */
export interface WhatIf extends Setting {
  readonly bounced: number;
  readonly failed: number;
  readonly hiwater: number;
}

/** A pool to replay on instead of the recorded one; without slots there is none. */
export interface Replacement extends Setting {
  /** Search rules; the recorded kernel's where nothing else is said. */
  readonly profile?: Profile;
}

const batchMax = 1 << 15;
const Kind = { map: 0, unmap: 1 } as const;

export class WhatIfPools implements RequestSink {
  readonly #maps: Mappings;
  readonly #pools: SettingPool[];
  readonly #columns = new Columns();
  readonly #masks: DeviceMasks;

  /** @param o.masks a device of which none is known reaches everything */
  constructor(o: {
    readonly maps: Mappings;
    readonly settings: readonly Setting[];
    readonly base: number;
    readonly profile: Profile;
    readonly alignments: Alignments;
    readonly masks: DeviceMasks;
  }) {
    this.#maps = o.maps;
    this.#masks = o.masks;
    this.#pools = o.settings.map((s) => new SettingPool(s, o.base, o.profile, o.alignments));
  }

  begin(m: number, id: number): void {
    if (this.#pools.length === 0) return;
    const { device, mask: printed, time } = this.#maps;
    const d = device[m]!;
    const own = this.#masks.isStated(d) ? Number.NaN : printed[m]!;
    const mask = Number.isNaN(own) ? this.#masks.at(d, time[m]!).mask : own;
    this.#columns.map(id, this.#maps, m, Number.isNaN(mask) ? Number.MAX_VALUE : mask);
    if (this.#columns.count === batchMax) this.#run();
  }

  end(id: number): void {
    if (this.#pools.length === 0) return;
    this.#columns.unmap(id);
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

  map(id: number, maps: Mappings, m: number, mask: number): void {
    const i = this.count++;
    const orig = maps.orig[m]!;
    this.kind[i] = Kind.map;
    this.id[i] = id;
    this.cpu[i] = maps.cpu[m]!;
    this.device[i] = maps.device[m]!;
    this.high[i] = u64High(orig);
    this.low[i] = orig;
    this.size[i] = maps.size[m]!;
    this.last[i] = lastByteReached(maps, m);
    this.mask[i] = mask;
  }

  unmap(id: number): void {
    const i = this.count++;
    this.kind[i] = Kind.unmap;
    this.id[i] = id;
  }
}

const nowhere = -1;

class SettingPool {
  readonly #setting: Setting;
  readonly #pool: Pool;
  readonly #alignments: Alignments;
  /** Offset of each living mapping by its number; -1 = not in this pool. */
  #offsets = new Int32Array(1 << 12).fill(nowhere);
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
      if (c.kind[i] === Kind.unmap) {
        const at = id < this.#offsets.length ? this.#offsets[id]! : nowhere;
        if (at === nowhere) continue;
        this.#offsets[id] = nowhere;
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
      if (id >= this.#offsets.length) this.#offsets = longer(this.#offsets, 2 * id, nowhere);
      this.#offsets[id] = at;
    }
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
