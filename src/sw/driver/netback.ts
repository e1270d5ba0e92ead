/**
 * The network back end of a driver domain. Of what a guest sends it copies the head by grant and maps the rest; what
 * comes for the guest it copies into pages that the guest offered.
 *
 * Every slot is copied out of the ring once, then judged. A packet that cannot be believed is answered with an error;
 * what no honest front end does disables the interface, both directions of it. Extra information is judged; a packet
 * that asks for segmentation goes out as it is.
 * Source: Linux drivers/net/xen-netback/netback.c (xenvif_tx_build_gops, xenvif_tx_err, xenvif_fatal_tx_err), rx.c
 * (xenvif_rx_skb, xenvif_rx_copy_add); XSA-155.
 */
import { frameBytes, type Pfn } from "../../base/frame.js";
import { CopyFlag, domainSelf, GrantStatus } from "../../spec/xen/grant_op.js";
import { NetStatus, netRxEntryBytes, netTxEntryBytes } from "../../spec/xen/netif.js";
import { copyGrant, type ForeignPage, type ForeignPages, type Guest } from "../xen/index.js";
import { parseRxSlot, rxAnswerWords, rxWords, txAnswerWords, txWords } from "./netif_entry.js";
import { judge, type Slot } from "./netif_judge.js";
import { reach } from "./netif_reach.js";
import type { NicDriver, Piece } from "./nic_driver.js";
import type { RequestRefusal } from "./refusal.js";
import { BackRing } from "./ring.js";

export interface NetBackOptions {
  readonly guest: Guest;
  readonly foreign: ForeignPages;
  readonly driver: Pick<NicDriver, "send">;
  /** Domain of the front end. */
  readonly frontend: number;
  readonly txRef: number;
  readonly rxRef: number;
  /** Told of each packet of the guest that is answered with an error, and why the rings are not read any more. */
  readonly refused?: (r: RequestRefusal) => void;
}

interface Answer {
  readonly id: number;
  /** A NetStatus. */
  readonly status: number;
}

/** A packet that was sent or refused: what must be let go and answered. */
interface Done {
  readonly answers: readonly Answer[];
  readonly pages: readonly ForeignPage[];
  readonly head: Pfn | null;
}

/** Packets for a guest that offers no pages. */
const queueMax = 64;

export class NetBack {
  readonly #o: NetBackOptions;
  readonly #rings: readonly ForeignPage[];
  readonly #tx: BackRing;
  readonly #rx: BackRing;
  readonly #done: Done[] = [];
  /** Packets for the guest. */
  readonly #queue: (readonly Piece[])[] = [];
  #inFlight = 0;
  #unpublished = false;
  /** The rings are not read any more. */
  halted = false;
  notify: () => void = () => {};

  /** @throws Error when the rings cannot be mapped: there is nothing to talk through. */
  constructor(o: NetBackOptions) {
    this.#o = o;
    this.#rings = o.foreign.map([o.txRef, o.rxRef].map((ref) => ({ domain: o.frontend, ref, readOnly: false })));
    if (this.#rings.some((p) => p.status !== GrantStatus.okay)) {
      o.foreign.unmap(this.#rings);
      throw new Error(`the rings of domain ${o.frontend} cannot be mapped`);
    }
    this.#tx = new BackRing(o.guest.memory, this.#rings[0]!.page * frameBytes, netTxEntryBytes, "taken");
    this.#rx = new BackRing(o.guest.memory, this.#rings[1]!.page * frameBytes, netRxEntryBytes, "nothing");
  }

  get idle(): boolean {
    return this.#inFlight === 0 && this.#done.length === 0 && !this.#unpublished;
  }

  /** A packet came for the guest; its pages are the back end's from now on. */
  deliver(pieces: readonly Piece[]): void {
    if (!this.halted && this.#queue.length < queueMax) {
      this.#queue.push(pieces);
      return;
    }
    this.#free(pieces);
  }

  ready(): boolean {
    if (this.#done.length > 0 || this.#unpublished) return true;
    return !this.halted && (this.#mayTake || this.#mayDeliver);
  }

  /** One of: let go and answer, show the answers, copy a packet to the guest, take a packet of the guest. */
  step(): void {
    const done = this.#done.shift();
    if (done !== undefined) this.#answer(done);
    else if (this.#unpublished) {
      this.#unpublished = false;
      const told = [this.#tx.publish(), this.#rx.publish()];
      if (told.includes(true)) this.notify();
    } else if (this.#mayDeliver) this.#deliverOne();
    else this.#takeOne();
  }

  /** Let go of rings and queue. Nothing may be in flight. */
  disconnect(): void {
    for (const pieces of this.#queue.splice(0)) this.#free(pieces);
    this.#o.foreign.unmap(this.#rings);
  }

  get #mayTake(): boolean {
    const { count, bogus } = this.#tx.waiting();
    return count > 0 || bogus !== null;
  }

  get #mayDeliver(): boolean {
    const first = this.#queue[0];
    if (first === undefined) return false;
    return this.#rx.waiting().count >= Math.ceil(bytesOf(first) / frameBytes);
  }

  #takeOne(): void {
    const { count, bogus } = this.#tx.waiting();
    if (bogus !== null) {
      this.#disable("ring", bogus);
      return;
    }
    const judged = judge(count, () => {
      const words = new Uint32Array(txWords);
      this.#tx.take(words);
      return words;
    });
    if (judged.as === "fatal") this.#disable(judged.check, judged.why);
    else if (judged.as === "packet") this.#start(judged.slots, judged.extraCount);
    else {
      if (judged.as === "dropped") this.#note(judged.check, judged.why);
      const status = judged.as === "dropped" ? NetStatus.error : NetStatus.okay;
      this.#end(answersTo(judged.ids, judged.extraCount, () => status));
    }
  }

  #start(slots: readonly Slot[], extraCount: number): void {
    const ids = slots.map((s) => s.id);
    const reached = reach(this.#o, slots);
    if (reached.list === null) {
      const { status, failed } = reached;
      if (status === null) this.#note("memory", "no page for the head");
      else this.#note("grant", `a grant cannot be reached (status ${status})`);
      this.#end(answersTo(ids, extraCount, (n) => (failed.includes(n) ? NetStatus.error : NetStatus.okay)));
      return;
    }
    const { list, pages, head } = reached;
    this.#inFlight++;
    this.#o.driver.send({
      list,
      done: (error) => {
        if (error !== null) this.#note("controller", error);
        const status = error === null ? NetStatus.okay : NetStatus.error;
        this.#done.push({ answers: answersTo(ids, extraCount, () => status), pages, head });
      },
    });
  }

  /** Answer without having sent anything. */
  #end(answers: readonly Answer[]): void {
    this.#inFlight++;
    this.#done.push({ answers, pages: [], head: null });
  }

  #answer({ answers, pages, head }: Done): void {
    this.#o.foreign.unmap(pages);
    if (head !== null) this.#o.guest.freePages(head, 0);
    for (const { id, status } of answers) this.#tx.put(txAnswerWords(id, status));
    this.#inFlight--;
    this.#unpublished = true;
  }

  /** One slot of the guest after the other is filled, piece by piece. */
  #deliverOne(): void {
    const pieces = this.#queue.shift()!;
    for (let left = bytesOf(pieces), at = 0; left > 0; ) {
      const size = Math.min(left, frameBytes);
      const words = new Uint32Array(rxWords);
      this.#rx.take(words);
      const { id, ref } = parseRxSlot(words);
      const status = this.#copyTo(ref, pieces, at, size);
      left -= size;
      at += size;
      if (status !== GrantStatus.okay)
        this.#note("offer", `a page that was offered cannot be filled (status ${status})`);
      const answer = status === GrantStatus.okay ? size : NetStatus.error;
      this.#rx.put(rxAnswerWords({ id, offset: 0, more: left > 0, status: answer }));
    }
    this.#unpublished = true;
    this.#free(pieces);
  }

  /** Copy bytes `at` to `at + size` of a packet to the beginning of a page that the guest granted. */
  #copyTo(ref: number, pieces: readonly Piece[], at: number, size: number): GrantStatus {
    const { guest, frontend } = this.#o;
    let from = 0;
    for (const p of pieces) {
      const low = Math.max(at, from);
      const high = Math.min(at + size, from + p.size);
      if (low < high) {
        const status = copyGrant(guest.h, guest.d, {
          source: { domain: domainSelf, at: guest.gfnOf(p.page), offset: p.offset + low - from },
          dest: { domain: frontend, at: ref, offset: low - at },
          length: high - low,
          flags: CopyFlag.destRef,
        });
        if (status !== GrantStatus.okay) return status;
      }
      from += p.size;
    }
    return GrantStatus.okay;
  }

  #disable(kind: string, why: string): void {
    this.halted = true;
    this.#note(kind, `${why}; fatal error; disabling device`);
  }

  #free(pieces: readonly Piece[]): void {
    for (const p of pieces) this.#o.guest.freePages(p.page, 0);
  }

  #note(kind: string, why: string): void {
    this.#o.refused?.({ domain: this.#o.frontend, kind, why });
  }
}

/** One answer for each slot; the places of extra information, behind the first slot, are answered as none. */
function answersTo(ids: readonly number[], extraCount: number, statusOf: (n: number) => number): Answer[] {
  const [first, ...others] = ids.map((id, n) => ({ id, status: statusOf(n) }));
  return [first!, ...new Array<Answer>(extraCount).fill({ id: 0, status: NetStatus.none }), ...others];
}

const bytesOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, p) => sum + p.size, 0);
