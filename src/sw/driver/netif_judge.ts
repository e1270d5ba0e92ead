/**
 * Whether the slots that a guest wrote are a packet.
 * Source: Linux drivers/net/xen-netback/netback.c (xenvif_count_requests, xenvif_tx_build_gops); XSA-448.
 */
import { netSlotsMax } from "../../spec/xen/netif.js";
import type { TxSlot } from "./netif_entry.js";

const ethernetHeader = 14;
const pageBytes = 4096;

/** A part of a granted page. */
export interface Slot {
  readonly ref: number;
  readonly offset: number;
  readonly size: number;
}

type Judgement =
  | { readonly pieces: readonly Slot[] }
  /** `fatal`: no honest front end would have asked for it. */
  | { readonly pieces: null; readonly why: string; readonly fatal: boolean };

/** The parts that a packet's slots name, or why they are no packet. */
export function judge(slots: readonly TxSlot[]): Judgement {
  const bad = (why: string, fatal = false): Judgement => ({ pieces: null, why, fatal });
  const [first, ...others] = slots;
  if (slots.length > netSlotsMax) return bad(`${slots.length} slots; at most ${netSlotsMax}`);
  if (first!.size < ethernetHeader) return bad(`Bad packet size: ${first!.size}`);
  let left = first!.size;
  for (const s of others) {
    if (s.size > left) return bad(`Invalid tx request, slot size ${s.size} > remaining size ${left}`);
    if (s.size === 0) return bad("a slot without bytes");
    left -= s.size;
  }
  if (left === 0) return bad("a first slot without bytes");
  const pieces = slots.map((s, n) => ({ ref: s.ref, offset: s.offset, size: n === 0 ? left : s.size }));
  const beyond = pieces.find((s) => s.offset + s.size > pageBytes);
  if (beyond === undefined) return { pieces };
  return bad(`Cross page boundary, txp->offset: ${beyond.offset}, size: ${beyond.size}`, true);
}
