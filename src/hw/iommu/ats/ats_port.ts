/** A device with a TLB of its own between it and the bus, for a machine that only runs. */
import type { DmaOutcome, DmaPort } from "../../../bus/dma_port.js";
import type { Memory } from "../../../mem/memory.js";
import { pageByPage } from "../core/page_by_page.js";
import { AddressType, type DmaRequest, Outcome, type Resolution } from "../core/request.js";
import type { Transaction } from "../core/transaction.js";
import { type Pick, resolve } from "../core/translating_port.js";
import type { DeviceTlb } from "./device_tlb.js";

export interface AtsPortOptions {
  readonly memory: Memory;
  readonly transaction: Transaction;
  readonly tlb: DeviceTlb;
  readonly pick: Pick;
  /** Told of each request to the unit, and what it came to. */
  readonly resolved?: (request: DmaRequest, result: Resolution) => void;
}

export class AtsPort implements DmaPort {
  readonly #o: AtsPortOptions;

  constructor(o: AtsPortOptions) {
    this.#o = o;
  }

  read(requester: number, address: number, into: Uint8Array): DmaOutcome {
    return this.#each(requester, address, into, false);
  }

  write(requester: number, address: number, from: Uint8Array): DmaOutcome {
    return this.#each(requester, address, from, true);
  }

  #each(requester: number, address: number, bytes: Uint8Array, write: boolean): DmaOutcome {
    const reach = (frame: number, offset: number) =>
      this.#reached({ requester, pasid: null, frame, offset, write }) ?? "fault";
    return pageByPage(this.#o.memory, { address, bytes, write }, reach);
  }

  /** The frame that a page of the request reaches, by the device's TLB; null: it has no translation, or the unit refuses. */
  #reached(r: Omit<DmaRequest, "type">): number | null {
    const { tlb, pick } = this.#o;
    const { translations } = tlb;
    const need = r.write ? 2 : 1;
    let slot = tlb.find(r.pasid, r.frame, need);
    if (slot < 0) {
      const answer = this.#ask({ ...r, type: AddressType.translationRequest });
      if (answer.outcome !== Outcome.passes || (answer.allow & need) !== need) return null;
      const inside = r.frame % 2 ** (answer.sizeLg2 - 12);
      const ways = translations.slots.ways();
      const entry = {
        frame: r.frame - inside,
        output: answer.frame - inside,
        sizeLg2: answer.sizeLg2,
        allow: answer.allow,
      };
      tlb.keep(r.pasid, entry, ways > 1 ? pick(ways) : 0);
      slot = tlb.find(r.pasid, r.frame, need);
    }
    const frame = translations.outputOf(slot) + r.frame - translations.frameOf(slot);
    const { outcome } = this.#ask({ ...r, frame, type: AddressType.translated });
    return outcome === Outcome.passes ? frame : null;
  }

  #ask(request: DmaRequest): Resolution {
    const { transaction, pick, resolved } = this.#o;
    const result = resolve(transaction, request, pick);
    resolved?.(request, result);
    return result;
  }
}
