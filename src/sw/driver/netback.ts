/**
 * The network back end of a driver domain. Of what a guest sends it copies the head by grant and maps the rest; what
 * comes for the guest it copies into pages that the guest offered.
 *
 * Every slot is copied out of the ring once, then judged. A packet that cannot be believed is answered with an error;
 * a ring that cannot be believed is halted, both directions of it.
 * Source: Linux drivers/net/xen-netback/netback.c (xenvif_count_requests, xenvif_tx_build_gops, xenvif_fatal_tx_err),
 * rx.c (xenvif_rx_skb, xenvif_rx_copy_add); XSA-155, XSA-448.
 */
import type { Pfn } from "../../base/frame.js";
import { CopyFlag, domainSelf, GrantStatus } from "../../spec/xen/grant_op.js";
import { NetStatus, netHeadBytes, netRxEntryBytes, netTxEntryBytes } from "../../spec/xen/netif.js";
import type { ListEntry } from "../dma/index.js";
import { copyGrant, type ForeignPage, type ForeignPages, type Guest } from "../xen/index.js";
import type { Refusal } from "./blkback.js";
import {
  parseRxSlot,
  parseTxSlot,
  rxAnswerWords,
  rxWords,
  type TxSlot,
  txAnswerWords,
  txWords,
} from "./netif_entry.js";
import { judge, type Slot } from "./netif_judge.js";
import type { NicDriver, Piece } from "./nic_driver.js";
import { BackRing } from "./ring.js";

export interface NetBackOptions {
  readonly guest: Guest;
  readonly foreign: ForeignPages;
  readonly driver: Pick<NicDriver, "send">;
  /** Domain of the front end. */
  readonly frontend: number;
  readonly txRef: number;
  readonly rxRef: number;
}

/** A packet that was sent or refused: what must be let go and answered. */
interface Done {
  readonly ids: readonly number[];
  readonly pages: readonly ForeignPage[];
  readonly head: Pfn | null;
  readonly status: number;
}

/** Slots of a packet from which on its sender is taken for hostile (fatal_skb_slots). */
const fatalSlots = 20;
const inFlightMax = 64;
/** Packets for a guest that offers no pages. */
const queueMax = 64;
const refusalsMax = 1000;
const pageBytes = 4096;

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
  /** Why the rings are not read any more; null while they are. */
  halted: string | null = null;
  readonly refusals: Refusal[] = [];
  refusalCount = 0;
  answered = 0;
  delivered = 0;
  dropped = 0;
  notify: () => void = () => {};

  /** @throws Error when the rings cannot be mapped: there is nothing to talk through. */
  constructor(o: NetBackOptions) {
    this.#o = o;
    this.#rings = o.foreign.map([o.txRef, o.rxRef].map((ref) => ({ domain: o.frontend, ref, readOnly: false })));
    if (this.#rings.some((p) => p.status !== GrantStatus.okay)) {
      o.foreign.unmap(this.#rings);
      throw new Error(`the rings of domain ${o.frontend} cannot be mapped`);
    }
    this.#tx = new BackRing(o.guest.memory, this.#rings[0]!.page * pageBytes, netTxEntryBytes);
    this.#rx = new BackRing(o.guest.memory, this.#rings[1]!.page * pageBytes, netRxEntryBytes);
  }

  get idle(): boolean {
    return this.#inFlight === 0 && this.#done.length === 0 && !this.#unpublished;
  }

  /** A packet came for the guest; its pages are the back end's from now on. */
  deliver(pieces: readonly Piece[]): void {
    if (this.halted === null && this.#queue.length < queueMax) {
      this.#queue.push(pieces);
      return;
    }
    this.dropped++;
    this.#free(pieces);
  }

  ready(): boolean {
    if (this.#done.length > 0 || this.#unpublished) return true;
    return this.halted === null && (this.#mayTake || this.#mayDeliver);
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
    if (this.#inFlight >= inFlightMax) return false;
    const { count, bogus } = this.#tx.waiting();
    return count > 0 || bogus !== null;
  }

  get #mayDeliver(): boolean {
    const first = this.#queue[0];
    if (first === undefined) return false;
    const { count, bogus } = this.#rx.waiting();
    return bogus !== null || count >= Math.ceil(bytesOf(first) / pageBytes);
  }

  /** The slots of one packet, each copied out once; null when the ring was halted. */
  #takeSlots(): TxSlot[] | null {
    const slots: TxSlot[] = [];
    const words = new Uint32Array(txWords);
    for (let more = true; more; more = slots.at(-1)!.more) {
      const { count, bogus } = this.#tx.waiting();
      if (bogus !== null) return this.#halt(bogus);
      if (count === 0) return this.#halt(`Asked for ${slots.length} slots but exceeds this limit`);
      if (slots.length >= fatalSlots) return this.#halt(`Malicious frontend using ${slots.length} slots`);
      this.#tx.take(words);
      slots.push(parseTxSlot(words));
      if (slots.at(-1)!.extra) return this.#halt("extra information that was never offered");
    }
    return slots;
  }

  #takeOne(): void {
    const slots = this.#takeSlots();
    if (slots === null) return;
    this.#inFlight++;
    const ids = slots.map((s) => s.id);
    const j = judge(slots);
    if (j.pieces !== null) this.#start(ids, j.pieces);
    else {
      if (j.fatal) this.#halt(j.why);
      this.#refuse(ids, j.why);
    }
  }

  #start(ids: readonly number[], slots: readonly Slot[]): void {
    const { guest, foreign, frontend } = this.#o;
    const first = slots[0]!;
    const head = guest.allocPages(0);
    if (head === null) {
      this.#refuse(ids, "no page for the head");
      return;
    }
    const length = Math.min(first.size, netHeadBytes);
    const copied = copyGrant(guest.h, guest.d, {
      source: { domain: frontend, at: first.ref, offset: first.offset },
      dest: { domain: domainSelf, at: guest.gfnOf(head), offset: 0 },
      length,
      flags: CopyFlag.sourceRef,
    });
    const rest = { ref: first.ref, offset: first.offset + length, size: first.size - length };
    const mapped = rest.size > 0 ? [rest, ...slots.slice(1)] : slots.slice(1);
    const pages =
      copied === GrantStatus.okay
        ? foreign.map(mapped.map(({ ref }) => ({ domain: frontend, ref, readOnly: true })))
        : [];
    const status = copied === GrantStatus.okay ? pages.find((p) => p.status !== GrantStatus.okay)?.status : copied;
    if (status !== undefined) {
      foreign.unmap(pages);
      guest.freePages(head, 0);
      this.#refuse(ids, `a grant cannot be reached (status ${status})`);
      return;
    }
    const list: ListEntry[] = [{ phys: head * pageBytes, size: length }];
    for (const [n, s] of mapped.entries()) list.push({ phys: pages[n]!.page * pageBytes + s.offset, size: s.size });
    this.#o.driver.send({
      list,
      done: (error) => {
        if (error !== null) this.#note(error);
        this.#done.push({ ids, pages, head, status: error === null ? NetStatus.okay : NetStatus.error });
      },
    });
  }

  #answer({ ids, pages, head, status }: Done): void {
    this.#o.foreign.unmap(pages);
    if (head !== null) this.#o.guest.freePages(head, 0);
    for (const id of ids) this.#tx.put(txAnswerWords(id, status));
    this.#inFlight--;
    this.answered++;
    this.#unpublished = true;
  }

  /** One slot of the guest after the other is filled, piece by piece. */
  #deliverOne(): void {
    const pieces = this.#queue.shift()!;
    const { bogus } = this.#rx.waiting();
    if (bogus !== null) this.#halt(bogus);
    else {
      for (let left = bytesOf(pieces), at = 0; left > 0; ) {
        const size = Math.min(left, pageBytes);
        const words = new Uint32Array(rxWords);
        this.#rx.take(words);
        const { id, ref } = parseRxSlot(words);
        const status = this.#copyTo(ref, pieces, at, size);
        left -= size;
        at += size;
        if (status !== GrantStatus.okay) this.#note(`a page that was offered cannot be filled (status ${status})`);
        const answer = status === GrantStatus.okay ? size : NetStatus.error;
        this.#rx.put(rxAnswerWords({ id, offset: 0, more: left > 0, status: answer }));
      }
      this.delivered++;
      this.#unpublished = true;
    }
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

  #refuse(ids: readonly number[], why: string): void {
    this.#note(why);
    this.#done.push({ ids, pages: [], head: null, status: NetStatus.error });
  }

  #halt(why: string): null {
    this.halted = `${why}. Disabling the interface`;
    this.#note(this.halted);
    return null;
  }

  #free(pieces: readonly Piece[]): void {
    for (const p of pieces) this.#o.guest.freePages(p.page, 0);
  }

  #note(why: string): void {
    this.refusalCount++;
    if (this.refusals.length < refusalsMax) this.refusals.push({ domain: this.#o.frontend, why });
  }
}

const bytesOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, p) => sum + p.size, 0);
