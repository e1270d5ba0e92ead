/**
 * From events to operations: which outcome belongs to which search, which unmapping to which mapping.
 *
 * A bounced mapping is two events: swiotlb_bounced before the slots are searched, dma_map_phys or dma_map_sg once the
 * address is known. A list that is refused has only the first. The release of a single mapping happens before its
 * unmap event is written, that of a list after.
 *
 * Source: Linux kernel/dma/mapping.c (where the events are written), kernel/dma/swiotlb.c, include/trace/events/dma.h.
 */
import { Context, type EventBatch, EventKind, failedAddress } from "../../read/event.js";
import { beginsAlike, LiveMappings } from "./live_mappings.js";
import { mapping, type Operation, Outcome, unmapping } from "./operation.js";
import { OperationIds } from "./operation_ids.js";
import { PendingSearches, resolve, type Wait } from "./pending_searches.js";
import type { PageWatch } from "./placed.js";
import { type PoolBounds, PoolLandings } from "./pool_landings.js";
import { ReleaseTimes } from "./release_times.js";

/** A swiotlb_bounced whose outcome has not come after this long has none: its list was refused. */
const outcomeWaitMax: Wait = { time: 1_000_000, events: 20_000 };
/** The same where the recording ends: nothing that comes later could show it. */
const outcomeWaitAtEnd: Wait = { time: 10_000, events: 500 };

/** Takes operations in the order of their first possible moment; their outcome may become known later. */
export interface OperationSink {
  push(op: Operation): void;
  /** The recording has come to `now`: called after a fixed number of events, whatever the reader's batches. */
  advance?(now: number): void;
}

/** Events between two calls of `advance`, and between two looks for searches without an outcome. */
const stride = 512;

const pageBytes = 4096;

/** @returns whether a buffer mapped at a bus address bounced; null when the address does not tell. */
export type Landing = (phys: number, address: number) => boolean | null;

/** The clocks of two CPUs may differ by this much (microseconds). */
const clocksApartMax = 10_000;

interface Ended {
  readonly device: number;
  readonly time: number;
  readonly cpu: number;
  readonly task: number;
  readonly context: number;
}

interface Early extends Ended {
  readonly size: number;
}

interface EarlyList extends Ended {
  readonly phys: Float64Array;
}

/** An unmapping of something that was mapped before the recording began (or whose mapping was lost). */
export interface Orphan {
  readonly device: number;
  readonly address: number;
  readonly size: number;
}

export class Joiner {
  readonly #sink: OperationSink;
  readonly #onOrphan: (o: Orphan) => void;
  readonly #pending: PendingSearches;
  readonly #live = new LiveMappings();
  readonly #ids = new OperationIds();
  readonly #releases = new ReleaseTimes();
  readonly #landings: PoolLandings;
  #event = 0;
  readonly #showsOutcomes: boolean;
  readonly #machineAddresses: boolean;
  readonly #pages: PageWatch | null;
  readonly #landed: Landing | null;
  readonly #tellsOrphans: boolean;
  /** Unmappings of a moment ago whose mapping was not read yet, by bus address, oldest first. */
  readonly #early = new Map<number, Early>();
  /** The same of lists, by the first buffer, oldest first. */
  readonly #earlyLists = new Map<number, EarlyList[]>();
  /** Number of each CPU's last event so far. */
  readonly lastEvents: number[] = [];
  now = 0;

  /**
   * @param o.idle          whether a task's number is that of an idle task, which every CPU has
   * @param o.ticks         whether the clock counts something else than time
   * @param o.lastEvents    number of each CPU's last event, from an earlier reading
   * @param o.showsOutcomes false when the recording has no dma:* events: no search is then waited for
   * @param o.machineAddresses whether bus addresses are a hypervisor's, as in a paravirtualised Xen domain
   * @param o.landed         tells a bounce by its bus address, where that can be told
   * @param o.bounds         the pool's bounds where the log says them, bytes: [from, to)
   * @param o.pages          told of every event before it is looked at, and asked where each mapping's buffer lies
   * @param o.tellsOrphans   whether the sink is told of unmappings whose mapping is not in the recording, too
   * @param o.onOrphan      told of each unmapping whose mapping is not in the recording
   */
  constructor(o: {
    readonly sink: OperationSink;
    readonly idle: (task: number) => boolean;
    readonly ticks?: () => boolean;
    readonly lastEvents?: readonly number[] | null;
    readonly showsOutcomes: boolean;
    readonly machineAddresses: boolean;
    readonly landed?: Landing | null;
    readonly bounds?: PoolBounds | null;
    readonly pages?: PageWatch | null;
    readonly tellsOrphans?: boolean;
    readonly onOrphan: (o: Orphan) => void;
  }) {
    this.#sink = o.sink;
    this.#pending = new PendingSearches({
      idle: o.idle,
      ticks: o.ticks ?? (() => false),
      lastEvents: o.lastEvents ?? null,
    });
    this.#showsOutcomes = o.showsOutcomes;
    this.#machineAddresses = o.machineAddresses;
    this.#landings = new PoolLandings(o.bounds ?? null);
    this.#pages = o.pages ?? null;
    this.#landed = o.landed ?? null;
    this.#tellsOrphans = o.tellsOrphans ?? false;
    this.#onOrphan = o.onOrphan;
  }

  /** A mapping of before the recording is known; its bus address is set. The sink is not told of it. */
  hold(op: Operation): void {
    this.#live.hold(op);
  }

  feed(b: EventBatch): void {
    const pages = this.#pages;
    for (let i = 0; i < b.count; i++) {
      const time = b.time[i]!;
      if (time > this.now) this.now = time;
      if (pages !== null) pages.see(b, i);
      const place = b.cpu[i]! * 256 + b.context[i]!;
      const kind = b.kind[i]!;
      this.#releases.begin(place, time, this.#event);
      if (kind === EventKind.bounced) this.#bounced(b, i);
      else if (kind === EventKind.map) this.#map(b, i);
      else if (kind === EventKind.mapList) this.#mapList(b, i);
      else if (kind === EventKind.unmap) this.#unmap(b, i, place);
      else if (kind === EventKind.unmapList) this.#unmapList(b, i, place);
      else if (kind === EventKind.xenMapped) this.#pending.answered(b, i);
      else if (kind === EventKind.lost) this.#pending.lost(this.#event);
      this.lastEvents[b.cpu[i]!] = this.#event;
      this.#releases.end(place, time, this.#event++);
      if (this.#event % stride !== 0) continue;
      this.#pending.sweep(this.now, outcomeWaitMax, this.#event);
      this.#strangers(this.now - clocksApartMax);
      this.#forgetEarlyLists(this.now - clocksApartMax);
      this.#sink.advance?.(this.now);
    }
  }

  /** The recording has ended: what is still open stays unknown. */
  finish(): void {
    this.#pending.sweep(this.now, outcomeWaitAtEnd, this.#event);
    this.#pending.finish(this.now, this.#event);
    this.#strangers(Number.POSITIVE_INFINITY);
    this.#releases.finish(this.now);
  }

  /** Mappings alive now. */
  living(): Iterable<Operation> {
    return this.#live;
  }

  #bounced(b: EventBatch, i: number): void {
    const stack = this.#pending.of(b, i);
    const top = stack[stack.length - 1];
    if (top !== undefined && top.context === b.context[i]! && Number.isNaN(top.hi)) this.#bound(top, b.time[i]!);
    const op = mapping({
      time: b.time[i]!,
      event: this.#event,
      cpu: b.cpu[i]!,
      device: b.device[i]!,
      task: b.task[i]!,
      context: b.context[i]!,
      orig: b.dma[i]!,
      size: b.size[i]!,
      mask: b.mask[i]!,
      forced: b.forced[i] === 1,
      bounced: true,
    });
    this.#sink.push(op);
    if (this.#showsOutcomes) stack.push(op);
    else resolve(op, Outcome.unknown, op.lo, this.#event);
  }

  #map(b: EventBatch, i: number): void {
    const stack = this.#pending.of(b, i);
    const phys = b.phys[i]!,
      size = b.size[i]!,
      device = b.device[i]!;
    let at = this.#direct(phys, b.dma[i]!) ? -1 : stack.length - 1;
    while (at >= 0 && !(stack[at]!.device === device && stack[at]!.size === size && this.#sameBuffer(stack[at]!, phys)))
      at--;
    if (at < 0) at = this.#elsewhere(stack, b, i);
    let op: Operation;
    if (at >= 0) {
      op = stack[at]!;
      stack.splice(at, 1);
      this.#pending.refuseOlder(stack, at, op, this.#event);
    } else {
      op = this.#unasked(b, i, phys, size, b.dma[i]!);
      this.#pending.refuseOlder(stack, stack.length, op, this.#event);
      this.#sink.push(op);
    }
    op.direction = b.direction[i]!;
    op.attrs = b.attrs[i]!;
    op.cpuAfter = b.cpu[i]!;
    const original = printed(op);
    if (!Number.isNaN(phys)) op.orig = phys;
    const address = b.dma[i]!;
    resolve(op, address === failedAddress ? Outcome.refused : address, b.time[i]!, this.#event);
    this.#place(op, original);
    if (address === failedAddress) return;
    op.id = this.#ids.take();
    if (this.#early.size > 0 && this.#endsAtOnce(op)) return;
    this.#live.add(address, op);
  }

  /** Its unmapping was read before it: the clocks of two CPUs differ by a little. */
  #endsAtOnce(op: Operation): boolean {
    const early = this.#early.get(op.address);
    if (early === undefined || early.device !== op.device || early.size !== op.size) return false;
    this.#early.delete(op.address);
    this.#endEarly(op, early);
    return true;
  }

  /** The same of a list, whose end names its buffers. */
  #listEndsAtOnce(device: number, phys: Float64Array, ops: readonly Operation[]): boolean {
    const same = this.#earlyLists.get(phys[0]!);
    const k = same?.findIndex((e) => e.device === device && beginsAlike(phys, e.phys, 0, e.phys.length)) ?? -1;
    if (same === undefined || k < 0) return false;
    const early = same[k]!;
    if (same.length === 1) this.#earlyLists.delete(phys[0]!);
    else same.splice(k, 1);
    if (early.time < this.now - clocksApartMax) return false;
    for (const op of ops) this.#endEarly(op, early);
    return true;
  }

  #endEarly(op: Operation, { cpu, task, context }: Ended): void {
    const [lo, loEvent] = [op.hi, op.hiEvent];
    const when = { lo, hi: Math.max(lo, this.now), loEvent, hiEvent: this.#event, at: this.now };
    this.#sink.push(unmapping(op, { cpu, task, context, ...when }));
    this.#ids.give(op.id);
  }

  /** Unmappings that no mapping came for were of before the recording. */
  #strangers(until: number): void {
    for (const [address, { device, size, time }] of this.#early) {
      if (time > until) return;
      this.#early.delete(address);
      this.#onOrphan({ device, address, size });
    }
  }

  #forgetEarlyLists(until: number): void {
    for (const [first, lists] of this.#earlyLists) {
      if (lists.at(-1)!.time > until) return;
      this.#earlyLists.delete(first);
    }
  }

  #mapList(b: EventBatch, i: number): void {
    const stack = this.#pending.of(b, i);
    const device = b.device[i]!,
      first = b.physFirst[i]!,
      count = b.physCount[i]!;
    const total = Math.max(b.physTotal[i]!, count);
    const ops: Operation[] = new Array(count);
    const phys = b.listPhys.slice(first, first + count);
    // An IOMMU made fewer bus ranges of the buffers: their own sizes are not recorded, and are taken to be equal.
    const merged = b.dmaCount[i]! !== count;
    const part = merged ? Math.ceil(sum(b, i) / Math.max(1, count)) : 0;
    let at = total > count ? this.#beyond(stack, b, i, total) : stack.length - 1;
    for (let k = count - 1; k >= 0; k--) {
      const dma = merged ? Number.NaN : b.listDma[b.dmaFirst[i]! + k]!;
      const size = merged ? part : b.listSize[b.dmaFirst[i]! + k]!;
      let op: Operation;
      const context = b.context[i]!;
      const isEntry =
        at >= 0 &&
        !this.#direct(phys[k]!, dma) &&
        (this.#isEntry(stack[at]!, device, phys[k]!, size) ||
          (!merged && this.#isMoved(stack[at]!, { device, context, size, phys: phys[k]!, address: dma })));
      if (isEntry) {
        op = stack[at]!;
        stack.splice(at--, 1);
      } else {
        op = this.#unasked(b, i, phys[k]!, size, dma);
        if (this.#landed === null) this.#sink.push(op);
      }
      op.direction = b.direction[i]!;
      op.attrs = b.attrs[i]!;
      op.list = true;
      op.listEnd = k === count - 1;
      op.cpuAfter = b.cpu[i]!;
      const address = merged ? (b.listDma[b.dmaFirst[i]!] ?? Outcome.unknown) : dma;
      resolve(op, address, b.time[i]!, this.#event);
      if (!merged) {
        const original = printed(op);
        op.orig = phys[k]!;
        this.#place(op, original);
      }
      op.id = this.#ids.take();
      ops[k] = op;
    }
    if (this.#landed !== null) for (const op of ops) if (Number.isNaN(op.mask)) this.#sink.push(op);
    const oldest = ops.find((op) => op.bounced) ?? ops[0];
    if (oldest !== undefined) this.#pending.refuseOlder(stack, at + 1, oldest, this.#event);
    if (count === 0 || (this.#earlyLists.size > 0 && this.#listEndsAtOnce(device, phys, ops))) return;
    this.#live.addList(device, phys, ops);
  }

  /** Entries of a list beyond those that its event recorded: granted, at addresses that are not known. */
  #beyond(stack: Operation[], b: EventBatch, i: number, total: number): number {
    const start = stack.length - total;
    const wanted = b.listPhys[b.physFirst[i]!]!;
    const op = stack[start];
    if (op === undefined || op.device !== b.device[i]!) return stack.length - 1;
    const isMoved = op.orig % pageBytes === wanted % pageBytes && op.size === b.listSize[b.dmaFirst[i]!];
    if (!isMoved && !this.#sameBuffer(op, wanted)) return stack.length - 1;
    const recorded = start + b.physCount[i]!;
    for (const op of stack.splice(recorded)) {
      op.list = true;
      resolve(op, Outcome.granted, b.time[i]!, this.#event);
      op.id = this.#ids.take();
    }
    return recorded - 1;
  }

  #unmap(b: EventBatch, i: number, place: number): void {
    const address = b.dma[i]!,
      device = b.device[i]!;
    let of = this.#live.take(address, device);
    if (of === null && !this.#tellsOrphans) {
      const [size, time] = [b.size[i]!, b.time[i]!];
      this.#early.delete(address);
      this.#early.set(address, { device, size, time, cpu: b.cpu[i]!, task: b.task[i]!, context: b.context[i]! });
      return;
    }
    if (of === null) {
      of = unseenMapping(b, i);
    }
    const time = b.time[i]!;
    const lo = Math.max(this.#releases.earliest(place, time), of.lo);
    this.#sink.push(
      unmapping(of, {
        cpu: b.cpu[i]!,
        task: b.task[i]!,
        context: b.context[i]!,
        lo,
        hi: time,
        loEvent: this.#releases.eventBefore(place),
        hiEvent: this.#event,
        at: time,
      }),
    );
    this.#ids.give(of.id);
  }

  #unmapList(b: EventBatch, i: number, place: number): void {
    const first = b.physFirst[i]!,
      count = b.physCount[i]!;
    if (count === 0) return;
    const ended = this.#live.takeList(b.device[i]!, b.listPhys, first, count);
    if (ended.length === 0) {
      if (this.#tellsOrphans) return;
      const phys = b.listPhys.slice(first, first + count);
      const early = {
        device: b.device[i]!,
        phys,
        time: b.time[i]!,
        cpu: b.cpu[i]!,
        task: b.task[i]!,
        context: b.context[i]!,
      };
      const same = this.#earlyLists.get(phys[0]!);
      if (same === undefined) this.#earlyLists.set(phys[0]!, [early]);
      else same.push(early);
      return;
    }
    const open: Operation[] = [];
    for (const of of ended) {
      const op = unmapping(of, {
        cpu: b.cpu[i]!,
        task: b.task[i]!,
        context: b.context[i]!,
        lo: b.time[i]!,
        hi: Number.NaN,
        loEvent: this.#event,
        hiEvent: -1,
        at: b.time[i]!,
      });
      op.previous = open[open.length - 1] ?? null;
      open.push(op);
      this.#sink.push(op);
      this.#ids.give(of.id);
    }
    this.#releases.open(place, open);
  }

  /** The next search of the same code has begun: this one is over. */
  #bound(op: Operation, time: number): void {
    op.hi = time;
    op.hiEvent = this.#event;
  }

  /** A mapping before which no event asked for a bounce; the caller gives it to the sink. */
  #unasked(b: EventBatch, i: number, orig: number, size: number, address: number): Operation {
    return mapping({
      time: b.time[i]!,
      event: this.#event,
      cpu: b.cpu[i]!,
      device: b.device[i]!,
      task: b.task[i]!,
      context: b.context[i]!,
      orig,
      size,
      mask: Number.NaN,
      forced: false,
      bounced: this.#landed !== null && address >= 0 && this.#landed(orig, address) === true,
    });
  }

  /**
   * The event before the search prints a bus address of the buffer: its physical one, perhaps with an encryption bit
   * above it, and under Xen the machine's, of which only the place inside the page is the same.
   */
  #sameBuffer(op: Operation, phys: number): boolean {
    if (Number.isNaN(phys) && op.orig > 0) return true;
    if (this.#machineAddresses) return op.orig % pageBytes === phys % pageBytes;
    return isSame(op.orig, phys);
  }

  /** The search of a single mapping whose buffer has another bus address: nothing of the same code came between. */
  #elsewhere(stack: readonly Operation[], b: EventBatch, i: number): number {
    const [device, context, size] = [b.device[i]!, b.context[i]!, b.size[i]!];
    const [phys, address] = [b.phys[i]!, b.dma[i]!];
    let at = stack.length - 1;
    while (at >= 0 && !sameCode(stack[at]!, context)) at--;
    return at >= 0 && this.#isMoved(stack[at]!, { device, context, size, phys, address }) ? at : -1;
  }

  /**
   * Whether a search may be that of a mapping whose buffer has a bus address of its own, as another domain's pages have
   * under Xen: all else agrees, and only the place inside the page is the same. What the device was given is then
   * neither the buffer's physical nor its bus address, and lies where bounces lie.
   */
  #isMoved(op: Operation, m: Made): boolean {
    if (this.#machineAddresses || op.device !== m.device || op.size !== m.size || !sameCode(op, m.context))
      return false;
    if (op.orig % pageBytes !== m.phys % pageBytes || m.address === m.phys || m.address === op.orig) return false;
    return !(m.address >= 0) || this.#landings.mayBe(m.address);
  }

  /** Where the buffer of a mapping lies, its outcome known. */
  #place(op: Operation, original: number): void {
    if (Number.isNaN(op.orig)) return;
    if (this.#pages !== null) op.placed = this.#pages.place(op, original);
    else if (!Number.isNaN(original)) {
      this.#landings.add(op.address);
      if (!isSame(original, op.orig))
        op.placed = { predicted: original, seen: original, straddles: null, foreign: null, small: false };
    }
  }

  /** Whether a mapping's address shows that it did not bounce. */
  #direct(phys: number, address: number): boolean {
    return this.#landed !== null && address >= 0 && this.#landed(phys, address) === false;
  }

  #isEntry(op: Operation, device: number, phys: number, size: number): boolean {
    if (op.device !== device || !this.#sameBuffer(op, phys)) return false;
    return !this.#machineAddresses || op.size === size;
  }
}

/** A mapping of before the recording, of which nothing is known but its end. */
function unseenMapping(b: EventBatch, i: number): Operation {
  const size = b.size[i]!;
  const who = { time: Number.NEGATIVE_INFINITY, event: -1, cpu: 0, device: -1, task: -1, context: 255 };
  const op = mapping({ ...who, orig: Number.NaN, size, mask: Number.NaN, forced: false, bounced: true });
  op.address = b.dma[i]!;
  return op;
}

/** A mapping as its event tells it. */
interface Made {
  readonly device: number;
  readonly context: number;
  readonly size: number;
  readonly phys: number;
  readonly address: number;
}

/** A buffer's bus address is its physical one, perhaps with an encryption bit above it. */
const isSame = (bus: number, phys: number): boolean => bus === phys || (bus > phys && (bus - phys) % 2 ** 32 === 0);

/** Whether a search was begun by the same code: a task, or an interrupt of the same kind. */
const sameCode = (op: Operation, context: number): boolean =>
  op.context === context || op.context === Context.unknown || context === Context.unknown;

/** The bus address of the buffer itself, as swiotlb_bounced printed it; NaN for a mapping without such an event. */
function printed(op: Operation): number {
  return op.bounced && !Number.isNaN(op.mask) ? op.orig : Number.NaN;
}

function sum(b: EventBatch, i: number): number {
  let bytes = 0;
  for (let k = 0; k < b.dmaCount[i]!; k++) bytes += b.listSize[b.dmaFirst[i]! + k]!;
  return bytes;
}
