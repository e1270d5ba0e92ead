/** Entries of the network rings as both ends speak of them; the bits are in `spec/xen/netif.ts`. */
import { read, write } from "../../bits/index.js";
import {
  NetExtraInfo,
  NetRxRequest,
  NetRxResponse,
  NetTxRequest,
  NetTxResponse,
  netRxEntryBytes,
  netTxEntryBytes,
} from "../../spec/xen/netif.js";

/** One slot of a packet to send, as it was taken from the ring: what it says, believed or not. */
export interface TxSlot {
  readonly ref: number;
  readonly offset: number;
  /** Bytes of the whole packet in its first slot, of the slot in the others. */
  readonly size: number;
  readonly id: number;
  readonly more: boolean;
  readonly extra: boolean;
}

/** A page that the front end offers for what comes. */
export interface RxSlot {
  readonly id: number;
  readonly ref: number;
}

/** What became of a slot: bytes in it, or a NetStatus below zero. */
export interface RxAnswer {
  readonly id: number;
  readonly offset: number;
  readonly more: boolean;
  readonly status: number;
}

export const txWords = netTxEntryBytes / 4;
export const rxWords = netRxEntryBytes / 4;
const moreData = 4;

export function parseTxSlot(words: Uint32Array): TxSlot {
  return {
    ref: read(words, 0, NetTxRequest.ref),
    offset: read(words, 0, NetTxRequest.offset),
    size: read(words, 0, NetTxRequest.size),
    id: read(words, 0, NetTxRequest.id),
    more: read(words, 0, NetTxRequest.moreData) === 1,
    extra: read(words, 0, NetTxRequest.extraInfo) === 1,
  };
}

/** Extra information, as it was taken from the ring. */
export interface Extra {
  readonly type: number;
  readonly more: boolean;
  readonly segmentBytes: number;
  readonly segmentationType: number;
}

export const parseExtra = (words: Uint32Array): Extra => ({
  type: read(words, 0, NetExtraInfo.type),
  more: read(words, 0, NetExtraInfo.more) === 1,
  segmentBytes: read(words, 0, NetExtraInfo.segmentBytes),
  segmentationType: read(words, 0, NetExtraInfo.segmentationType),
});

export function extraWords(e: Extra): Uint32Array {
  const words = new Uint32Array(txWords);
  write(words, 0, NetExtraInfo.type, e.type);
  write(words, 0, NetExtraInfo.more, e.more ? 1 : 0);
  write(words, 0, NetExtraInfo.segmentBytes, e.segmentBytes);
  write(words, 0, NetExtraInfo.segmentationType, e.segmentationType);
  return words;
}

export function txSlotWords(s: TxSlot): Uint32Array {
  const words = new Uint32Array(txWords);
  write(words, 0, NetTxRequest.ref, s.ref);
  write(words, 0, NetTxRequest.offset, s.offset);
  write(words, 0, NetTxRequest.size, s.size);
  write(words, 0, NetTxRequest.id, s.id);
  write(words, 0, NetTxRequest.moreData, s.more ? 1 : 0);
  write(words, 0, NetTxRequest.extraInfo, s.extra ? 1 : 0);
  return words;
}

export function txAnswerWords(id: number, status: number): Uint32Array {
  const words = new Uint32Array(txWords);
  write(words, 0, NetTxResponse.id, id);
  write(words, 0, NetTxResponse.status, status & 0xffff);
  return words;
}

export const parseTxAnswer = (words: Uint32Array) => ({
  id: read(words, 0, NetTxResponse.id),
  status: signed(read(words, 0, NetTxResponse.status)),
});

export const parseRxSlot = (words: Uint32Array): RxSlot => ({
  id: read(words, 0, NetRxRequest.id),
  ref: read(words, 0, NetRxRequest.ref),
});

export function rxSlotWords(s: RxSlot): Uint32Array {
  const words = new Uint32Array(rxWords);
  write(words, 0, NetRxRequest.id, s.id);
  write(words, 0, NetRxRequest.ref, s.ref);
  return words;
}

export function rxAnswerWords(a: RxAnswer): Uint32Array {
  const words = new Uint32Array(rxWords);
  write(words, 0, NetRxResponse.id, a.id);
  write(words, 0, NetRxResponse.offset, a.offset);
  write(words, 0, NetRxResponse.flags, a.more ? moreData : 0);
  write(words, 0, NetRxResponse.status, a.status & 0xffff);
  return words;
}

export function parseRxAnswer(words: Uint32Array): RxAnswer {
  return {
    id: read(words, 0, NetRxResponse.id),
    offset: read(words, 0, NetRxResponse.offset),
    more: (read(words, 0, NetRxResponse.flags) & moreData) !== 0,
    status: signed(read(words, 0, NetRxResponse.status)),
  };
}

const signed = (half: number): number => (half >= 0x8000 ? half - 0x1_0000 : half);
