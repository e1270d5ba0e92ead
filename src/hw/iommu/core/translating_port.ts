/** A unit between a bus master and memory, for a machine that only runs: each request goes all its way at once. */
import type { DmaOutcome, DmaPort } from "../../../bus/dma_port.js";
import type { Memory } from "../../../mem/memory.js";
import { pageByPage } from "./page_by_page.js";
import { AddressType, type DmaRequest, Outcome, type Resolution } from "./request.js";
import type { Transaction } from "./transaction.js";

/** Which of some ways is taken: a run draws it from its seed. */
export type Pick = (ways: number) => number;

/** Take a request from its begin to its end. One that stalls is refused: here nobody comes to say how it goes on. */
export function resolve(transaction: Transaction, request: DmaRequest, pick: Pick): Resolution {
  transaction.begin(request);
  while (!transaction.isDone) {
    const ways = transaction.choices();
    if (ways === 0) transaction.resume("refused");
    else transaction.step(ways > 1 ? pick(ways) : 0);
  }
  const { result } = transaction;
  transaction.end();
  return result;
}

export interface TranslatingPortOptions {
  readonly memory: Memory;
  readonly transaction: Transaction;
  readonly pick: Pick;
  /** Told of each page of a request, and what it came to. */
  readonly resolved?: (request: DmaRequest, result: Resolution) => void;
}

export class TranslatingPort implements DmaPort {
  readonly #o: TranslatingPortOptions;

  constructor(o: TranslatingPortOptions) {
    this.#o = o;
  }

  read(requester: number, address: number, into: Uint8Array): DmaOutcome {
    return this.#each(requester, address, into, false);
  }

  write(requester: number, address: number, from: Uint8Array): DmaOutcome {
    return this.#each(requester, address, from, true);
  }

  #each(requester: number, address: number, bytes: Uint8Array, write: boolean): DmaOutcome {
    const { memory, transaction, pick, resolved } = this.#o;
    return pageByPage(memory, { address, bytes, write }, (frame, offset) => {
      const request = { requester, pasid: null, frame, offset, write, type: AddressType.untranslated };
      const result = resolve(transaction, request, pick);
      resolved?.(request, result);
      if (result.outcome === Outcome.swallowed) return null;
      if (result.outcome !== Outcome.passes) return result.outcome === Outcome.message ? "outside" : "fault";
      return result.frame;
    });
  }
}
