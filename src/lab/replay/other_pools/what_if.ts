/**
 * The same requests on other pools: which size and how many areas would have been enough.
 *
 * Requests run through every pool in batches, so that each pool's memory stays in the cache for a while. A pool for which
 * counting shows that it refuses nothing is not tried; once that is not sure any more it is, from the first request on.
 */
import type { Profile } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import type { Mappings } from "../contracts/mappings.js";
import type { DeviceMasks } from "../machine/masks.js";
import { AmplePool } from "./ample_pool.js";
import { RequestBatch, ResolvedRequests } from "./request_batch.js";
import type { RequestSink } from "./request_stream.js";
import type { Setting, WhatIf } from "./setting.js";
import { SettingPool } from "./setting_pool.js";

/** Batches kept for pools that may have to be tried later: 50 MB. What comes after them all pools are tried on. */
const keptMax = 256;

export class WhatIfPools implements RequestSink {
  readonly #maps: Mappings;
  readonly #masks: DeviceMasks;
  readonly #pools: readonly SettingPool[];
  readonly #ample: readonly AmplePool[];
  readonly #resolved: ResolvedRequests;
  /** Batches from the first on, while a pool is not tried. */
  readonly #kept: RequestBatch[] = [];
  #batch = new RequestBatch();

  /** @param o.masks a device of which none is known reaches everything */
  constructor(o: {
    readonly maps: Mappings;
    readonly settings: readonly Setting[];
    readonly base: number;
    readonly profile: Profile;
    readonly alignments: Alignments;
    readonly masks: DeviceMasks;
  }) {
    const { settings, base, profile } = o;
    this.#maps = o.maps;
    this.#masks = o.masks;
    const slotsMax = settings.reduce((most, { slots }) => Math.max(most, slots), 0);
    const ample = new Map(
      settings.map(({ forced }) => [forced, new AmplePool({ forced, rules: profile.rules, base, slotsMax })]),
    );
    this.#ample = [...ample.values()];
    this.#pools = settings.map((s) => new SettingPool(s, base, profile, ample.get(s.forced)!));
    this.#resolved = new ResolvedRequests(profile.rules, o.alignments);
  }

  begin(m: number, id: number): void {
    if (this.#pools.length === 0) return;
    const { device, mask: printed, time } = this.#maps;
    const d = device[m]!;
    const own = this.#masks.isStated(d) ? Number.NaN : printed[m]!;
    const mask = Number.isNaN(own) ? this.#masks.at(d, time[m]!).mask : own;
    this.#batch.begin(id, this.#maps, m, Number.isNaN(mask) ? Number.MAX_VALUE : mask);
    if (this.#batch.isFull) this.#run();
  }

  end(id: number, _time: number, device: number): void {
    if (this.#pools.length === 0) return;
    this.#batch.end(id, device);
    if (this.#batch.isFull) this.#run();
  }

  finish(): WhatIf[] {
    this.#run();
    return this.#pools.map((p) => p.result());
  }

  #run(): void {
    const batch = this.#batch;
    this.#runOn(this.#ample, batch);
    const isLast = this.#kept.length === keptMax;
    const late = this.#pools.filter((p) => !p.isTried && (isLast || !p.isAmple));
    for (const pool of late) pool.begin();
    for (const kept of late.length > 0 ? this.#kept : []) this.#runOn(late, kept);
    const tried = this.#pools.filter((p) => p.isTried);
    this.#runOn(tried, batch);
    if (tried.length === this.#pools.length) {
      this.#kept.length = 0;
      batch.count = 0;
      this.#resolved.forget();
    } else {
      this.#kept.push(batch);
      this.#batch = new RequestBatch();
    }
  }

  #runOn(pools: readonly { run(batch: RequestBatch, resolved: ResolvedRequests): void }[], batch: RequestBatch): void {
    this.#resolved.resolve(batch);
    for (const pool of pools) pool.run(batch, this.#resolved);
  }
}
