/**
 * The network front end of a guest: it grants the pages of each packet that it sends, and keeps pages granted for what
 * comes.
 *
 * Source: Linux drivers/net/xen-netfront.c (xennet_start_xmit, xennet_tx_buf_gc, xennet_alloc_rx_buffers,
 * xennet_get_responses).
 */
import { frameBytes, type Pfn } from "../../base/frame.js";
import { joined } from "../../base/joined.js";
import { NetStatus, netRxEntryBytes, netTxEntryBytes } from "../../spec/xen/netif.js";
import type { Grants, Guest } from "../xen/index.js";
import { parseRxAnswer, parseTxAnswer, rxSlotWords, rxWords, txSlotWords, txWords } from "./netif_entry.js";
import type { Piece } from "./nic_driver.js";
import { FrontRing } from "./ring.js";

/** A packet to send: pieces of pages of the guest. */
export interface NetJob {
  readonly pieces: readonly Piece[];
  done(ok: boolean): void;
}

interface Packet {
  readonly job: NetJob;
  /** Slots without an answer. */
  open: number;
  ok: boolean;
}

interface Sent {
  readonly packet: Packet;
  readonly ref: number;
}

/** Pages that are offered at once for what comes. */
const offered = 64;

export class NetFront {
  readonly txPage: Pfn;
  readonly rxPage: Pfn;
  readonly txRef: number;
  readonly rxRef: number;
  /** Packets that came whole are given to this. */
  received: (packet: Uint8Array) => void = () => {};
  notify: () => void = () => {};
  readonly #guest: Guest;
  readonly #grants: Grants;
  readonly #backend: number;
  readonly #tx: FrontRing;
  readonly #rx: FrontRing;
  readonly #waiting: NetJob[] = [];
  readonly #sent = new Map<number, Sent>();
  readonly #offers = new Map<number, { readonly ref: number; readonly page: Pfn }>();
  /** Parts of the packet that is coming in; `broken`: one of them is missing. */
  #parts: Uint8Array[] = [];
  #broken = false;
  #nextId = 0;
  #unpublished = false;

  constructor(o: { readonly guest: Guest; readonly grants: Grants; readonly backend: number }) {
    this.#guest = o.guest;
    this.#grants = o.grants;
    this.#backend = o.backend;
    this.txPage = o.grants.takeShared();
    this.rxPage = o.grants.takeShared();
    this.#tx = new FrontRing(o.guest.memory, this.txPage * frameBytes, netTxEntryBytes);
    this.#rx = new FrontRing(o.guest.memory, this.rxPage * frameBytes, netRxEntryBytes);
    this.txRef = o.grants.grant(o.backend, this.txPage, false);
    this.rxRef = o.grants.grant(o.backend, this.rxPage, false);
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && this.#sent.size === 0;
  }

  send(job: NetJob): void {
    this.#waiting.push(job);
  }

  ready(): boolean {
    return (
      this.#unpublished ||
      this.#tx.hasResponse ||
      this.#rx.hasResponse ||
      this.#offers.size < offered ||
      (this.#waiting.length > 0 && this.#tx.free >= this.#waiting[0]!.pieces.length)
    );
  }

  /** One of: take an answer, take a part of what came, show what was written, offer a page, write a packet. */
  step(): void {
    const tx = new Uint32Array(txWords);
    const rx = new Uint32Array(rxWords);
    if (this.#tx.take(tx)) this.#answered(tx);
    else if (this.#rx.take(rx)) this.#came(rx);
    else if (this.#unpublished) {
      this.#unpublished = false;
      const told = [this.#tx.publish(), this.#rx.publish()];
      if (told.includes(true)) this.notify();
    } else if (this.#offers.size < offered) this.#offer();
    else this.#put(this.#waiting.shift()!);
  }

  /** Let go of rings and of pages that were offered; the back end has unmapped the rings. */
  disconnect(): boolean {
    for (const { ref, page } of this.#offers.values()) this.#grants.endAccessAndFree(ref, page);
    this.#offers.clear();
    const ended = [
      this.#grants.endAccessAndFree(this.txRef, this.txPage),
      this.#grants.endAccessAndFree(this.rxRef, this.rxPage),
    ];
    return !ended.includes(false);
  }

  #put(job: NetJob): void {
    const packet: Packet = { job, open: job.pieces.length, ok: true };
    const total = job.pieces.reduce((sum, p) => sum + p.size, 0);
    job.pieces.forEach((p, n) => {
      const ref = this.#grants.grant(this.#backend, p.page, true);
      const id = this.#freeId(this.#sent);
      this.#sent.set(id, { packet, ref });
      const more = n < job.pieces.length - 1;
      this.#tx.put(txSlotWords({ ref, offset: p.offset, size: n === 0 ? total : p.size, id, more, extra: false }));
    });
    this.#unpublished = true;
  }

  #answered(words: Uint32Array): void {
    const { id, status } = parseTxAnswer(words);
    if (status === NetStatus.none) return;
    const sent = this.#sent.get(id);
    // A back end that answers while it still has the page mapped is not believed: the page stays granted.
    if (sent === undefined || !this.#grants.endAccess(sent.ref)) return;
    this.#sent.delete(id);
    const { packet } = sent;
    packet.ok &&= status === NetStatus.okay;
    packet.open--;
    if (packet.open === 0) packet.job.done(packet.ok);
  }

  #offer(): void {
    const page = this.#grants.takeShared();
    const ref = this.#grants.grant(this.#backend, page, false);
    const id = this.#freeId(this.#offers);
    this.#offers.set(id, { ref, page });
    this.#rx.put(rxSlotWords({ id, ref }));
    this.#unpublished = true;
  }

  #came(words: Uint32Array): void {
    const { id, offset, more, status } = parseRxAnswer(words);
    const offer = this.#offers.get(id);
    if (offer === undefined || !this.#grants.endAccess(offer.ref)) return;
    this.#offers.delete(id);
    if (status > 0 && offset + status <= frameBytes) {
      const part = new Uint8Array(status);
      this.#guest.memory.read(offer.page * frameBytes + offset, part);
      this.#parts.push(part);
    } else this.#broken = true;
    this.#guest.freePages(offer.page, 0);
    if (more) return;
    const [parts, broken] = [this.#parts, this.#broken];
    this.#parts = [];
    this.#broken = false;
    if (!broken) this.received(joined(parts));
  }

  #freeId(used: ReadonlyMap<number, unknown>): number {
    do this.#nextId = (this.#nextId + 1) % 0x1_0000;
    while (used.has(this.#nextId));
    return this.#nextId;
  }
}
