/**
 * What drivers asked of the DMA API, as a recording shows it: one operation a mapping or unmapping, with the interval
 * of time in which the kernel must have carried it out.
 */

import type { BufferOnBus } from "./buffer_on_bus.js";

/** What became of a mapping when the recording shows no address. Addresses are 0 or above. */
export const Outcome = {
  /** The kernel refused it (dma_addr all ones). */
  refused: -1,
  /** It was granted, but its address was not recorded (lists longer than the event holds). */
  granted: -2,
  /** The recording ends, or lost events, before its outcome. */
  unknown: -3,
  /** An entry of a dma_map_sg list that was refused: the kernel writes no event for such a list. */
  refusedList: -4,
} as const;

/** A mapping's slots, from when it took them (microseconds), and the number of that taking. */
export interface Shown {
  readonly slot: number;
  readonly count: number;
  readonly begin: number;
  readonly taking: number;
}

/** A mapping or unmapping. One shape for both, so that queues of them stay fast. */
export interface Operation {
  readonly unmap: boolean;
  /** For a mapping: a number that is its own while it lives, reused after. For an unmapping: the mapping's. */
  id: number;
  /** The mapping that an unmapping ends; null for a mapping. */
  readonly of: Operation | null;
  readonly cpu: number;
  /** CPU on which a mapping's event was written: its task may have moved before it searched. */
  cpuAfter: number;
  /** Numbers of the source's `devices` and `tasks`. */
  readonly device: number;
  readonly task: number;
  readonly context: number;
  direction: number;
  attrs: number;
  /** Physical address of the driver's buffer. */
  orig: number;
  readonly size: number;
  /** The device's DMA mask as swiotlb_bounced printed it; NaN when this mapping did not bounce. */
  readonly mask: number;
  /** Whether the kernel said that the bounce was forced. */
  readonly forced: boolean;
  /** True once it is known that the kernel bounced it: swiotlb_bounced was written, or the address is the pool's. */
  bounced: boolean;
  /** True for an entry of a scatter list. */
  list: boolean;
  /** Last entry of its list. */
  listEnd: boolean;
  /** An entry of a list that was tried again, so that it is known at which entry each try ended. */
  retried: boolean;
  /** What a probe says that this search was answered with: an address, -1 for none; NaN without one. */
  answer: number;
  /** Bus address, or an `Outcome`; NaN until the recording has shown it. */
  address: number;
  /** Carried out no earlier than `lo` and no later than `hi` (microseconds; NaN until known). */
  lo: number;
  hi: number;
  /** Sequence numbers of the events that bound it: exact order on one CPU, where times may be equal. */
  loEvent: number;
  hiEvent: number;
  /** When it most likely happened: where it stands unless addresses show otherwise. */
  at: number;
  /** An operation of the same list that comes first; null when there is none. */
  previous: Operation | null;
  /** Where and since when the reports show it holding slots; null while it holds none. */
  shown: Shown | null;
  /** Where a hypervisor's page map has the buffer; null where bus addresses are physical ones. */
  onBus: BufferOnBus | null;
  /** Set by the ordering: carried out on the model, and where it lives there (bytes from the pool's start, -1 = not). */
  done: boolean;
  offset: number;
}

/** A mapping that begins at event `event`, outcome yet unknown. */
export function mapping(o: {
  readonly time: number;
  readonly event: number;
  readonly cpu: number;
  readonly device: number;
  readonly task: number;
  readonly context: number;
  readonly orig: number;
  readonly size: number;
  readonly mask: number;
  readonly forced: boolean;
  readonly bounced: boolean;
}): Operation {
  return {
    unmap: false,
    id: -1,
    of: null,
    cpu: o.cpu,
    cpuAfter: o.cpu,
    device: o.device,
    task: o.task,
    context: o.context,
    direction: 255,
    attrs: 0,
    orig: o.orig,
    size: o.size,
    mask: o.mask,
    forced: o.forced,
    bounced: o.bounced,
    list: false,
    listEnd: false,
    retried: false,
    answer: Number.NaN,
    address: Number.NaN,
    lo: o.time,
    hi: Number.NaN,
    loEvent: o.event,
    hiEvent: -1,
    at: o.time,
    previous: null,
    shown: null,
    onBus: null,
    done: false,
    offset: -1,
  };
}

/** The unmapping of `of`, carried out between `lo` and `hi`. */
export function unmapping(
  of: Operation,
  o: {
    readonly cpu: number;
    readonly task: number;
    readonly context: number;
    readonly lo: number;
    readonly hi: number;
    readonly loEvent: number;
    readonly hiEvent: number;
    readonly at: number;
  },
): Operation {
  return {
    unmap: true,
    id: of.id,
    of,
    cpu: o.cpu,
    cpuAfter: o.cpu,
    device: of.device,
    task: o.task,
    context: o.context,
    direction: of.direction,
    attrs: of.attrs,
    orig: of.orig,
    size: of.size,
    mask: of.mask,
    forced: of.forced,
    bounced: of.bounced,
    list: of.list,
    listEnd: false,
    retried: false,
    answer: Number.NaN,
    address: of.address,
    lo: o.lo,
    hi: o.hi,
    loEvent: o.loEvent,
    hiEvent: o.hiEvent,
    at: o.at,
    previous: null,
    shown: null,
    onBus: null,
    done: false,
    offset: -1,
  };
}
