/**
 * Whether the slots that a guest wrote are a packet.
 *
 * Slots are judged one after the other, as they are taken from the ring: a slot that leaves its page disables the
 * interface, even where the packet was to be dropped already. The size in the first slot is the whole packet's; what is
 * left of it when the others were taken off is that slot's own, and must hold the Ethernet header.
 * Source: Linux drivers/net/xen-netback/netback.c (xenvif_get_extras, xenvif_count_requests, xenvif_tx_build_gops,
 * xenvif_set_skb_gso).
 */
import { frameBytes } from "../../base/frame.js";
import { NetExtraType, netSegmentationTypes, netSlotsMax } from "../../spec/xen/netif.js";
import { type Extra, parseExtra, parseTxSlot, type TxSlot } from "./netif_entry.js";

const ethernetHeader = 14;
/** Slots behind the first from which on a sender is taken for hostile (fatal_skb_slots). */
const fatalSlots = 20;

/** A part of a granted page. */
export interface Slot {
  readonly id: number;
  readonly ref: number;
  readonly offset: number;
  readonly size: number;
}

/** `check` is the same text for all that fail it; `why` has the figures. */
export type Judgement =
  | { readonly as: "packet"; readonly slots: readonly Slot[]; readonly extraCount: number }
  /** It asks for something else than to be sent, and is answered at once. */
  | { readonly as: "request"; readonly ids: readonly number[]; readonly extraCount: number }
  /** Each of its slots is answered with an error. */
  | {
      readonly as: "dropped";
      readonly ids: readonly number[];
      readonly extraCount: number;
      readonly check: string;
      readonly why: string;
    }
  /** No honest front end would have written it: nothing is answered, and the interface is disabled. */
  | { readonly as: "fatal"; readonly check: string; readonly why: string };

/**
 * @param waiting places of the ring that wait, the first slot's among them
 * @param next copies the next of them out, once
 */
export function judge(waiting: number, next: () => Uint32Array): Judgement {
  const first = parseTxSlot(next());
  const extras = first.extra ? takeExtras(waiting - 1, next) : [];
  if (!Array.isArray(extras)) return extras;
  const extraCount = extras.length;
  if (extras.some(({ type }) => type === NetExtraType.multicastAdd || type === NetExtraType.multicastDelete))
    return { as: "request", ids: [first.id], extraCount };
  const others = takeOthers(first, waiting - 1 - extraCount, next);
  if ("as" in others) return others;
  const { left, slots } = others;
  const dropped = others.dropped ?? (left < ethernetHeader ? (["header", `Bad packet size: ${left}`] as const) : null);
  if (dropped !== null) {
    const [check, why] = dropped;
    return { as: "dropped", ids: [first, ...slots].map((s) => s.id), extraCount, check, why };
  }
  if (first.offset + left > frameBytes) {
    const end = (first.offset % frameBytes) + left;
    return fatal("first page", `txreq.offset: ${first.offset}, size: ${left}, end: ${end}`);
  }
  return segmentationFault(extras) ?? { as: "packet", slots: [{ ...first, size: left }, ...slots], extraCount };
}

type Fatal = Extract<Judgement, { as: "fatal" }>;

const fatal = (check: string, why: string): Fatal => ({ as: "fatal", check, why });

function takeExtras(waiting: number, next: () => Uint32Array): Extra[] | Fatal {
  const extras: Extra[] = [];
  for (let more = true; more; more = extras.at(-1)!.more) {
    if (extras.length >= waiting) return fatal("no extra", "Missing extra info");
    const e = parseExtra(next());
    if (e.type === 0 || e.type >= NetExtraType.end) return fatal("extra type", `Invalid extra type: ${e.type}`);
    extras.push(e);
  }
  return extras;
}

interface Others {
  readonly slots: readonly TxSlot[];
  /** What of the first slot's size is its own. */
  readonly left: number;
  /** The first reason for which the packet goes no further, while its slots are still looked at. */
  readonly dropped: readonly [check: string, why: string] | null;
}

function takeOthers(first: TxSlot, waiting: number, next: () => Uint32Array): Others | Fatal {
  const slots: TxSlot[] = [];
  let dropped: Others["dropped"] = null;
  let left = first.size;
  for (let { more } = first; more; ) {
    const count = slots.length;
    if (count >= waiting) return fatal("unfinished", `Asked for ${waiting} slots but exceeds this limit`);
    if (count >= fatalSlots)
      return fatal("malicious", `Malicious frontend using ${count} slots, threshold ${fatalSlots}`);
    if (count >= netSlotsMax)
      dropped ??= ["slots", `Too many slots (${count}) exceeding limit (${netSlotsMax}), dropping packet`];
    const s = parseTxSlot(next());
    if (s.size > left) dropped ??= ["sizes", `Invalid tx request, slot size ${s.size} > remaining size ${left}`];
    // The kernel keeps it in 16 bits.
    left = (left - s.size) & 0xffff;
    slots.push(s);
    if (s.offset + s.size > frameBytes)
      return fatal("page", `Cross page boundary, txp->offset: ${s.offset}, size: ${s.size}`);
    more = s.more;
  }
  return { slots, left, dropped };
}

function segmentationFault(extras: readonly Extra[]): Fatal | null {
  const e = extras.findLast(({ type }) => type === NetExtraType.segmentation);
  if (e === undefined) return null;
  if (e.segmentBytes === 0) return fatal("segment size", "GSO size must not be zero.");
  if (netSegmentationTypes.includes(e.segmentationType)) return null;
  return fatal("segmentation", `Bad GSO type ${e.segmentationType}.`);
}
