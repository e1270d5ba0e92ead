/**
 * What each task does to a device's domain, put together until it has done it.
 *
 * Source: Linux drivers/iommu/iommu.c (events of groups and devices), drivers/iommu/intel/iommu.c, cache.c, pasid.c (their order).
 */
import { type EventBatch, EventKind } from "../../../read/event.js";
import { threadOf } from "../../../read/thread.js";
import { absentDomain, askedBy, identityDomain } from "./asked.js";
import { type Attachment, Attachments, sideOf, translated } from "./attachments.js";
import type { DomainChange, Side } from "./change.js";
import { NumbersAgain } from "./numbers_again.js";
import { OpenChange, type Tag } from "./open_change.js";

/** What the audit knows of devices. */
export interface Devices {
  name(device: number): string;
  /** Translated mappings that were seen to begin after that time, microseconds, and not to end. */
  mapped(device: number, since: number): number;
}

/** One that is complete, with what its judgement needs. */
export interface Done {
  readonly open: OpenChange;
  readonly end: number;
  /** From when on no event may be missing for its absence to prove something, microseconds. */
  readonly since: number;
  readonly device: number;
  readonly how: DomainChange["how"];
  from: Side;
  to: Side;
  readonly hasDeviceTlb: boolean;
  readonly mapped: number;
}

/** A domain that is taken to have blocked: nothing was taken away when another was attached. */
export interface TakenToBlock {
  /** The changes that attached it, and that attached the next one, by their places in the list. */
  readonly change: number;
  readonly next: number;
  readonly from: number;
  readonly to: number;
}

const keptMax = 10_000;
/** What a task does so much later is something else, microseconds. */
const pause = 1_000_000;
const isDevices = (cache: number) => cache === 1 || cache === 3;

export class ChangeTrail {
  readonly #devices: Devices;
  readonly #open = new Map<number, OpenChange>();
  readonly #attached = new Attachments();
  readonly again = new NumbersAgain();
  readonly done: Done[] = [];
  readonly takenToBlock: TakenToBlock[] = [];
  /** Devices that were given their first domain; changes that are not kept. */
  first = 0;
  beyond = 0;
  isBehindVmd = false;
  #isTagged = false;
  /** Times of the first and the last descriptor, microseconds; NaN where none is recorded. */
  firstAsked = Number.NaN;
  lastAsked = Number.NaN;

  constructor(devices: Devices) {
    this.#devices = devices;
  }

  event(b: EventBatch, i: number): void {
    switch (b.kind[i]) {
      case EventKind.descriptor:
        this.#descriptor(b, i);
        return;
      case EventKind.cacheAssigned:
      case EventKind.cacheUnassigned:
        this.#tag(b, i);
        return;
      case EventKind.iommuDevice:
        this.#attach(b, i);
        return;
      case EventKind.iommuLeft:
      case EventKind.iommuDetached: {
        const who = threadOf(b, i);
        this.#close(who);
        this.#begin(who, b.time[i]!).leaving = b.device[i]!;
        return;
      }
      case EventKind.map:
      case EventKind.mapList:
      case EventKind.alloc:
        this.#beside(b, i, true);
        return;
      case EventKind.unmap:
      case EventKind.unmapList:
      case EventKind.free:
        this.#beside(b, i, false);
        return;
      case EventKind.cacheFlushed:
      case EventKind.iommuMap:
      case EventKind.iommuUnmap:
      case EventKind.iommuJoined:
        if (this.#open.size > 0) this.#close(threadOf(b, i));
        return;
    }
  }

  /** No more events. */
  finish(): void {
    for (const who of [...this.#open.keys()]) this.#close(who);
  }

  #begin(who: number, time: number): OpenChange {
    let open = this.#open.get(who);
    if (open !== undefined && time - open.last > pause) {
      this.#close(who);
      open = undefined;
    }
    if (open === undefined) this.#open.set(who, (open = new OpenChange(time)));
    open.last = time;
    return open;
  }

  #descriptor(b: EventBatch, i: number): void {
    const time = b.time[i]!;
    if (Number.isNaN(this.firstAsked)) this.firstAsked = time;
    this.lastAsked = time;
    const asked = askedBy(b, i);
    if (asked === null) return;
    const who = threadOf(b, i);
    this.again.asked(asked);
    // A unit that is started forgets all entries: that changes no device's.
    const isOfOne = asked.of === "entries" && asked.domain >= 0;
    if (isOfOne || this.#open.has(who)) this.#begin(who, time).steps.push({ time, asked });
  }

  #tag(b: EventBatch, i: number): void {
    this.#isTagged = true;
    const time = b.time[i]!;
    const who = threadOf(b, i);
    const of = isDevices(b.mask[i]!) ? "device" : "unit";
    const tag: Tag = { domain: b.size[i]!, pasid: Number.isNaN(b.phys[i]!) ? 0 : b.phys[i]!, of };
    const users = b.attrs[i]!;
    const isNew = b.kind[i] === EventKind.cacheAssigned;
    const before = this.#open.get(who);
    // Another PASID's, or the next one's of the same.
    const same = (isNew ? before?.assigned : before?.unassigned)?.some((t) => t.of === of) === true;
    if (
      before !== undefined &&
      (same || (before.pasid !== tag.pasid && before.unassigned.length + before.assigned.length > 0))
    )
      this.#close(who);
    const open = this.#begin(who, time);
    if (of === "unit" && isNew) this.again.assigned(tag, users, time);
    else if (of === "unit") this.again.unassigned(tag, users, time, open);
    if (isNew) open.assigned.push(tag);
    else open.unassigned.push({ ...tag, time });
  }

  #attach(b: EventBatch, i: number): void {
    const who = threadOf(b, i);
    const time = b.time[i]!;
    const open = this.#begin(who, time);
    this.#open.delete(who);
    const device = b.device[i]!;
    if (isBehindVmd(this.#devices.name(device))) this.isBehindVmd = true;
    const before = this.#attached.of(device);
    const [from, to] = [this.#oldSide(open, before, time), this.#newSide(open)];
    const isFirst = from.kind === "none";
    const hasDeviceTlb = open.assigned.some((tag) => tag.of === "device");
    this.#attached.set(device, { side: to, time, hasDeviceTlb, change: isFirst ? -1 : this.done.length });
    if (isFirst) this.first++;
    else this.#keep(open, before, { end: time, device, how: "attach", from, to });
  }

  /** The task goes on with something else, or is not seen to: what it did was no attaching. */
  #close(who: number): void {
    const open = this.#open.get(who);
    if (open === undefined) return;
    this.#open.delete(who);
    const device = open.leaving;
    const before = this.#attached.of(device);
    const isEmpty = open.steps.length + open.unassigned.length === 0;
    if (device >= 0) this.#attached.delete(device);
    if (isEmpty && open.pasid === 0 && before === undefined) return;
    const how = device >= 0 ? "release" : open.pasid > 0 ? "PASID" : "torn down";
    // A set-up alone, of a device that is attached already: its entry did not change.
    if (how === "torn down" && open.unassigned.length === 0) return;
    const to = open.assigned.length > 0 ? this.#newSide(open) : sideOf("none");
    const from = this.#oldSide(open, before, open.last);
    this.#keep(open, before, { end: open.last, device, how, from, to });
  }

  #keep(
    open: OpenChange,
    before: Attachment | undefined,
    done: Pick<Done, "end" | "device" | "how" | "from" | "to">,
  ): void {
    if (this.done.length >= keptMax) {
      this.beyond++;
      return;
    }
    // Its beginning may be what is missing.
    const since = open.unassigned.length > 0 ? open.began : (before?.time ?? open.began);
    const hasDeviceTlb = before?.hasDeviceTlb === true || open.unassigned.some(({ of }) => of === "device");
    const mapped = done.device < 0 ? 0 : this.#devices.mapped(done.device, before?.time ?? Number.NEGATIVE_INFINITY);
    this.done.push({ ...done, open, since, hasDeviceTlb, mapped });
  }

  /** What is assigned last, or what is set up where absent entries are cached, too. */
  #newSide({ assigned, steps }: OpenChange): Side {
    const tag = assigned.find(({ of }) => of === "unit");
    if (tag !== undefined) return translated(tag.domain);
    const setUp = steps.findIndex(({ asked }) => asked.of === "entries" && asked.domain === absentDomain);
    const next = setUp < 0 ? undefined : steps.slice(setUp).find(({ asked }) => asked.of === "translations");
    if (next?.asked.domain === identityDomain) return sideOf("identity", identityDomain);
    if (next !== undefined && next.asked.domain > 0) return translated(next.asked.domain);
    return sideOf(this.#isTagged ? "untagged" : "unknown");
  }

  /** As it was seen to be attached; else as it is taken away. What it was before it is known now, too. */
  #oldSide(open: OpenChange, before: Attachment | undefined, now: number): Side {
    const taken = open.unassigned.find(({ of }) => of === "unit");
    const entry = open.steps.find(({ asked }) => asked.of === "entries" && asked.domain > absentDomain)?.asked.domain;
    const shown =
      taken !== undefined
        ? translated(taken.domain)
        : entry === identityDomain
          ? sideOf("identity", identityDomain)
          : entry !== undefined
            ? translated(entry)
            : null;
    if (before === undefined) return shown ?? sideOf("none");
    if (before.side.kind !== "untagged") return shown ?? before.side;
    const { change, time } = before;
    if (shown === null) this.takenToBlock.push({ change, next: this.done.length, from: time, to: now });
    else if (change >= 0 && change < this.done.length) this.done[change]!.to = shown;
    return shown ?? before.side;
  }

  #beside(b: EventBatch, i: number, isMap: boolean): void {
    if (this.#open.size === 0) return;
    this.#close(threadOf(b, i));
    for (const open of this.#open.values()) open.see(b.device[i]!, b.time[i]!, isMap);
  }
}

/** Its requests are a VMD's, in whose entry they are translated; the kernel numbers its buses from a segment of their own. */
export const isBehindVmd = (name: string): boolean =>
  Number.parseInt(/^([0-9a-f]{4,8}):/i.exec(name)?.[1] ?? "0", 16) > 0xffff;
