/** One setting of the pool, and what becomes of the requests there. */
import { Pool, type Profile } from "../../../sw/swiotlb/index.js";
import { longer } from "../contracts/columns.js";
import { type AmplePool, surelySearched } from "./ample_pool.js";
import type { RequestBatch, ResolvedRequests } from "./request_batch.js";
import type { Setting, WhatIf } from "./setting.js";

const nowhere = -1;

export class SettingPool {
  readonly #setting: Setting;
  readonly #ample: AmplePool;
  readonly #room: number;
  readonly #make: () => Pool;
  /** null as long as counting shows that it refuses nothing. */
  #pool: Pool | null = null;
  /** Offset of each living mapping by its number; -1 = not in this pool. */
  #offsets = new Int32Array(1 << 12).fill(nowhere);
  #bounced = 0;
  #failed = 0;

  /** @param ample for the same requests */
  constructor(setting: Setting, base: number, profile: Profile, ample: AmplePool) {
    const { slots, areas } = setting;
    this.#setting = setting;
    this.#ample = ample;
    this.#room = surelySearched(setting);
    this.#make = () => new Pool({ start: base, slots, areas, profile });
  }

  /** Whether the requests are tried on it, from the first one on. */
  get isTried(): boolean {
    return this.#pool !== null;
  }

  /** Whether it need not be tried, for all that the ample pool has seen so far. */
  get isAmple(): boolean {
    return this.#room > this.#ample.needed;
  }

  begin(): void {
    this.#pool = this.#make();
  }

  run(batch: RequestBatch, { requests, minAlign }: ResolvedRequests): void {
    const pool = this.#pool!;
    const { forced } = this.#setting;
    for (let i = 0; i < batch.count; i++) {
      const id = batch.id[i]!;
      if (batch.begins[i] === 0) {
        const at = id < this.#offsets.length ? this.#offsets[id]! : nowhere;
        if (at === nowhere) continue;
        this.#offsets[id] = nowhere;
        pool.unmap(at, minAlign[batch.device[i]!]!);
        continue;
      }
      if (!forced && batch.beyond[i] === 0) continue;
      const at = pool.serve(batch.cpu[i]!, requests[i]!);
      if (at < 0) {
        this.#failed++;
        continue;
      }
      this.#bounced++;
      if (id >= this.#offsets.length) this.#offsets = longer(this.#offsets, 2 * id, nowhere);
      this.#offsets[id] = at;
    }
  }

  result(): WhatIf {
    const { slots, areas, forced } = this.#setting;
    const said =
      this.#pool === null ? this.#ample : { bounced: this.#bounced, failed: this.#failed, hiwater: this.#pool.hiwater };
    return { slots, areas, forced, bounced: said.bounced, failed: said.failed, hiwater: said.hiwater };
  }
}
