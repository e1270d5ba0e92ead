/** Requests that are tried on other pools, a batch of them as columns of numbers, in the order in which they were made. */
import { u64High } from "../../../base/u64.js";
import { Request } from "../../../sw/swiotlb/index.js";
import type { PoolRules } from "../../../sw/swiotlb/profile.js";
import type { Alignments } from "../contracts/alignments.js";
import type { Mappings } from "../contracts/mappings.js";
import { lastByteReached } from "./last_byte_reached.js";

/** Requests and ends of one batch. */
const batchMax = 1 << 13;

export class RequestBatch {
  count = 0;
  /** 1 for what is asked for, 0 for the end of what was asked for under the same number. */
  readonly begins = new Uint8Array(batchMax);
  readonly id = new Int32Array(batchMax);
  readonly cpu = new Uint16Array(batchMax);
  readonly device = new Int32Array(batchMax);
  /** Upper and lower 32 bits of the buffer's physical address, and its bytes. */
  readonly high = new Int32Array(batchMax);
  readonly low = new Int32Array(batchMax);
  readonly size = new Int32Array(batchMax);
  /** 1: the device does not reach the buffer. */
  readonly beyond = new Uint8Array(batchMax);

  get isFull(): boolean {
    return this.count === batchMax;
  }

  /** @param mask the last byte that the device reaches */
  begin(id: number, maps: Mappings, m: number, mask: number): void {
    const i = this.count++;
    const orig = maps.orig[m]!;
    this.begins[i] = 1;
    this.id[i] = id;
    this.cpu[i] = maps.cpu[m]!;
    this.device[i] = maps.device[m]!;
    this.high[i] = u64High(orig);
    this.low[i] = orig;
    this.size[i] = maps.size[m]!;
    this.beyond[i] = lastByteReached(maps, m) > mask ? 1 : 0;
  }

  end(id: number, device: number): void {
    const i = this.count++;
    this.begins[i] = 0;
    this.id[i] = id;
    this.device[i] = device;
  }
}

/** What the requests of one batch ask of a pool's search, whatever its size: resolved once for all pools. */
export class ResolvedRequests {
  /** By number in the batch; of those that begin. */
  readonly requests: Request[] = [];
  /** min_align_mask of each device. */
  readonly minAlign: number[] = [];
  readonly #boundary: number[] = [];
  readonly #rules: PoolRules;
  readonly #alignments: Alignments;
  #of: RequestBatch | null = null;

  constructor(rules: PoolRules, alignments: Alignments) {
    this.#rules = rules;
    this.#alignments = alignments;
  }

  /** @param batch complete */
  resolve(batch: RequestBatch): void {
    if (batch === this.#of) return;
    this.#of = batch;
    const { minAlign, requests } = this;
    while (requests.length < batch.count) requests.push(new Request());
    for (let i = 0; i < batch.count; i++) {
      if (batch.begins[i] === 0) continue;
      const d = batch.device[i]!;
      if (minAlign[d] === undefined) this.#learn(d);
      const [high, low, size] = [batch.high[i]!, batch.low[i]!, batch.size[i]!];
      requests[i]!.resolve(this.#rules, high, low, size, minAlign[d]!, 0, this.#boundary[d]!);
    }
  }

  /** The batch that was resolved last is filled anew. */
  forget(): void {
    this.#of = null;
  }

  #learn(d: number): void {
    this.minAlign[d] = this.#alignments.minAlignMask(d);
    this.#boundary[d] = this.#alignments.boundarySlots(d);
  }
}
