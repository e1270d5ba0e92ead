/**
 * The invalidation queue of a VT-d unit: descriptors are fetched in order, devices are asked, waits are answered.
 *
 * Source: VT-d 4.1, 6.5.2 (descriptors and their order), 6.5.3 (invalidation event), 6.5.4 (errors). IQH moves when a
 * descriptor is done with; it stays on one that is refused. Nothing is fetched while FSTS.IQE or FSTS.ITE is up.
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { About } from "../../../bits/layout.js";
import type { DeviceTlb } from "../../../bus/ats.js";
import { type PageGroupAnswer, PageResponseCode } from "../../../bus/page_requests.js";
import type { Memory } from "../../../mem/memory.js";
import * as D from "../../../spec/vtd/descriptors.js";
import { InvalidationQueueAddress } from "../../../spec/vtd/queue_registers.js";
import { InvalidationError, InvalidationStatus } from "../../../spec/vtd/register_map.js";
import { Capability, FaultStatus, GlobalStatus } from "../../../spec/vtd/registers.js";
import { cell, cells, type Live, type MachineState, record } from "../../../state/index.js";
import { reservedSet } from "../../../table/device/entry.js";
import type { UnitCaches } from "../core/caches.js";
import type { CarriedOut } from "../core/carried_out.js";
import { Answered, type DeviceTags } from "../core/device_tags.js";
import { sizedRange } from "../core/sized_range.js";
import type { Transaction } from "../core/transaction.js";
import { forgetContexts, forgetPasids, forgetSpace, forgetTranslations, Grain } from "./caches_told.js";
import type { VtdEvent, VtdRegisters } from "./event.js";
import type { VtdFaults } from "./faults.js";

const { DescriptorType: Type, QueueError: E } = D;
const { iqe, ite, ice } = FaultStatus;

/** What comes next. */
const Stage = { fetch: 0, carryOut: 1, status: 2, interrupt: 3 } as const;
type Stage = (typeof Stage)[keyof typeof Stage];

const QueueState = record("VT-d invalidation queue", {
  stage: cell<Stage>("what comes next"),
  descriptor: cells(8, "as it was fetched"),
});

export interface QueueParts {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly registers: VtdRegisters;
  readonly caches: UnitCaches;
  readonly tags: DeviceTags;
  readonly faults: VtdFaults;
  readonly event: VtdEvent;
  /** Requests under way, which some invalidations drain. */
  readonly transactions: readonly Transaction[];
  readonly isScalable: () => boolean;
  /** The TLB of a device; null where it has none, or is gone: then nobody answers. */
  readonly deviceTlb: (requester: number) => DeviceTlb | null;
  /** A device is told what became of a group of its page requests. */
  readonly pageAnswer: (a: PageGroupAnswer) => void;
  /** Told of each descriptor when it is carried out, waits excepted. */
  readonly carriedOut: CarriedOut | undefined;
}

export class VtdInvalidationQueue {
  readonly name = "invalidation queue";
  readonly #s: Live<typeof QueueState.drafts>;
  readonly #o: QueueParts;
  readonly #words = new Uint32Array(8);

  constructor(o: QueueParts) {
    this.#o = o;
    this.#s = o.state.place(QueueState);
  }

  /** GCMD.QIE was written. */
  enabled(): void {
    this.#o.registers.set("iqh", 0);
    this.#s.stage = Stage.fetch;
  }

  choices(): number {
    const { registers } = this.#o;
    if (registers.read("gsts", GlobalStatus.qies) === 0) return 0;
    if (registers.read("fsts", iqe) === 1 || registers.read("fsts", ite) === 1) return 0;
    if (this.#s.stage !== Stage.fetch) return this.#mayGoOn() ? 1 : 0;
    return registers.get("iqh") !== this.#tail ? 1 : 0;
  }

  label(): string {
    if (this.#s.stage === Stage.fetch) return "fetch a descriptor";
    if (this.#s.stage === Stage.carryOut) return `carry out: ${this.#about?.title ?? "an unknown descriptor"}`;
    return this.#s.stage === Stage.status ? "store the status" : "tell of completion";
  }

  atomic(): string {
    if (this.#s.stage === Stage.carryOut) return "all caches of one descriptor's scope are one to who asks them";
    return "a unit knows its own registers";
  }

  step(): void {
    switch (this.#s.stage) {
      case Stage.fetch:
        this.#fetch();
        break;
      case Stage.carryOut:
        this.#carryOut();
        break;
      case Stage.status:
        this.#storeStatus();
        break;
      default:
        this.#interrupt();
        break;
    }
  }

  /** One answer of a device. */
  completed(o: { readonly requester: number; readonly tags: number; readonly count: number }): void {
    for (let tag = 0; tag < 32; tag++) {
      if (((o.tags >>> tag) & 1) === 0) continue;
      if (this.#o.tags.answer({ requester: o.requester, tag, expected: o.count }) !== Answered.unexpected) continue;
      this.#o.registers.write("iqer", InvalidationError.icesid, o.requester & 0xffff);
      this.#o.faults.set(ice);
    }
  }

  /** A device did not answer in time: nothing more is fetched, and a wait that was fetched is not answered. */
  timedOut(tag: number): void {
    const requester = this.#o.tags.requesterOf(tag)!;
    for (let t = 0; t < this.#o.tags.count; t++) this.#o.tags.free(t);
    if (this.#s.stage !== Stage.fetch) this.#done();
    this.#o.registers.write("iqer", InvalidationError.itesid, requester & 0xffff);
    this.#o.faults.set(ite);
  }

  /** Of a descriptor at hand: is what it waits for over? */
  #mayGoOn(): boolean {
    const { tags, transactions } = this.#o;
    this.#s.descriptor.copyTo(this.#words);
    const w = this.#words;
    const type = read(w, 0, D.InvalidationWait.type);
    if (type === Type.wait) return tags.busyCount === 0;
    if (type === Type.deviceTlb || type === Type.pasidDeviceTlb) return tags.busyCount < tags.count;
    if (type === Type.iotlb) {
      const [reads, writes] = [read(w, 0, D.IotlbInvalidate.dr) === 1, read(w, 0, D.IotlbInvalidate.dw) === 1];
      return !transactions.some((t) => t.isUnderWay && (t.isWrite ? writes : reads));
    }
    return true;
  }

  get #entryBytes(): number {
    return this.#o.registers.read("iqa", InvalidationQueueAddress.dw) === 1 ? 32 : 16;
  }

  /** Bytes from the queue's begin. */
  get #tail(): number {
    return this.#o.registers.get("iqt") % 2 ** 19;
  }

  get #byteCount(): number {
    return frameBytes * 2 ** this.#o.registers.read("iqa", InvalidationQueueAddress.qs);
  }

  get #about(): About | undefined {
    this.#s.descriptor.copyTo(this.#words);
    return D.descriptorLayouts[D.descriptorType(this.#words)];
  }

  #fetch(): void {
    const { registers, memory } = this.#o;
    const bytes = this.#entryBytes;
    if (this.#tail % bytes !== 0) {
      this.#refuse(E.tailAlignment);
      return;
    }
    if (this.#tail >= this.#byteCount) {
      this.#refuse(E.tail);
      return;
    }
    const at = registers.read("iqa", InvalidationQueueAddress.frame) * frameBytes + registers.get("iqh");
    if (at + bytes > memory.frameCount * frameBytes) {
      this.#refuse(E.fetch);
      return;
    }
    const words = this.#words.fill(0);
    memory.load(at, words.subarray(0, bytes / 4));
    const error = this.#wrong(words, bytes);
    if (error !== E.none) {
      this.#refuse(error);
      return;
    }
    this.#s.descriptor.copyFrom(words);
    this.#s.stage = Stage.carryOut;
  }

  /** Of types whose contents are checked before anything is done. */
  #wrong(words: Uint32Array, bytes: number): D.QueueError {
    const about = D.descriptorLayouts[D.descriptorType(words)];
    if (about === undefined) return E.type;
    if (bytes === 16 && this.#o.isScalable() && D.descriptorType(words) >= Type.pasidIotlb) return E.width;
    if (reservedSet(words, 0, about) || words.subarray(4).some((w) => w !== 0)) return E.reserved;
    const type = D.descriptorType(words);
    const { g, am } = D.IotlbInvalidate;
    const { mamv } = Capability;
    if (type === Type.wait && (words[2]! & 3) !== 0) return E.reserved;
    if (type === Type.context && read(words, 0, D.ContextInvalidate.g) === 0) return E.reserved;
    if (type === Type.iotlb && read(words, 0, g) === 0) return E.reserved;
    if (type === Type.pasidIotlb && read(words, 0, D.PasidIotlbInvalidate.g) < 2) return E.reserved;
    if (type === Type.pasidCache && read(words, 0, D.PasidCacheInvalidate.g) === 2) return E.reserved;
    const isPaged = (type === Type.iotlb || type === Type.pasidIotlb) && read(words, 0, g) === Grain.selective;
    return isPaged && read(words, 0, am) > this.#o.registers.read("cap", mamv) ? E.reserved : E.none;
  }

  #carryOut(): void {
    const { caches, transactions } = this.#o;
    this.#s.descriptor.copyTo(this.#words);
    const w = this.#words;
    if (D.descriptorType(w) !== Type.wait) this.#o.carriedOut?.(w.slice(0, 4));
    if (forgetting.has(D.descriptorType(w))) for (const t of transactions) t.overtake();
    switch (D.descriptorType(w)) {
      case Type.context: {
        const { g, did, sid, fm } = D.ContextInvalidate;
        forgetContexts(caches, { g: read(w, 0, g), did: read(w, 0, did), sid: read(w, 0, sid), fm: read(w, 0, fm) });
        break;
      }
      case Type.iotlb: {
        const { g, did, page, am, ih } = D.IotlbInvalidate;
        const what = { g: read(w, 0, g), did: read(w, 0, did), page: read(w, 0, page), am: read(w, 0, am) };
        forgetTranslations(caches, { ...what, ih: read(w, 0, ih) === 1 });
        break;
      }
      case Type.pasidIotlb: {
        const { g, did, pasid, page, am, ih } = D.PasidIotlbInvalidate;
        const what = { did: read(w, 0, did), pasid: read(w, 0, pasid), page: read(w, 0, page), am: read(w, 0, am) };
        forgetSpace(caches, { ...what, isPaged: read(w, 0, g) === Grain.selective, ih: read(w, 0, ih) === 1 });
        break;
      }
      case Type.pasidCache: {
        const { g, did, pasid } = D.PasidCacheInvalidate;
        forgetPasids(caches, { g: read(w, 0, g), did: read(w, 0, did), pasid: read(w, 0, pasid) });
        break;
      }
      case Type.deviceTlb:
      case Type.pasidDeviceTlb:
        this.#ask(w);
        break;
      case Type.wait:
        if (read(w, 0, D.InvalidationWait.sw) === 1) this.#s.stage = Stage.status;
        else if (read(w, 0, D.InvalidationWait.if) === 1) this.#s.stage = Stage.interrupt;
        else break;
        return;
      case Type.pageGroupResponse:
        this.#answer(w);
        break;
      default:
        // Interrupt entries are not cached here.
        break;
    }
    this.#done();
  }

  /** A group of page requests is answered. A code that PCI Express does not have is a failure. */
  #answer(w: Uint32Array): void {
    const { sid, pp, pasid, group, code } = D.PageGroupResponse;
    const said = read(w, 0, code);
    this.#o.pageAnswer({
      ...{
        requester: read(w, 0, sid),
        pasid: read(w, 0, pp) === 1 ? read(w, 0, pasid) : null,
        group: read(w, 0, group),
      },
      code: said === PageResponseCode.success || said === PageResponseCode.invalid ? said : PageResponseCode.failure,
    });
  }

  /** Ask a device. */
  #ask(w: Uint32Array): void {
    const ofPasid = D.descriptorType(w) === Type.pasidDeviceTlb;
    const { sid } = ofPasid ? D.PasidDeviceTlbInvalidate : D.DeviceTlbInvalidate;
    const { s, page } = ofPasid ? D.PasidDeviceTlbInvalidate : D.DeviceTlbInvalidate;
    const requester = read(w, 0, sid);
    const tag = this.#o.tags.take(requester);
    this.#o.deviceTlb(requester)?.invalidate({
      tag,
      pasid: ofPasid ? read(w, 0, D.PasidDeviceTlbInvalidate.pasid) : null,
      global: ofPasid && read(w, 0, D.PasidDeviceTlbInvalidate.global) === 1,
      ...sizedRange(read(w, 0, page), read(w, 0, s) === 1),
    });
  }

  #storeStatus(): void {
    const { memory } = this.#o;
    this.#s.descriptor.copyTo(this.#words);
    const at = read(this.#words, 0, D.InvalidationWait.at);
    if (at + 4 <= memory.frameCount * frameBytes) memory.store32(at, read(this.#words, 0, D.InvalidationWait.data));
    if (read(this.#words, 0, D.InvalidationWait.if) === 1) this.#s.stage = Stage.interrupt;
    else this.#done();
  }

  /** IWC that is up already means that software has not looked since: no second event. */
  #interrupt(): void {
    const { registers, event } = this.#o;
    const wasUp = registers.read("ics", InvalidationStatus.iwc) === 1;
    registers.write("ics", InvalidationStatus.iwc, 1);
    if (!wasUp) event.raise();
    this.#done();
  }

  #done(): void {
    const { registers } = this.#o;
    registers.set("iqh", (registers.get("iqh") + this.#entryBytes) % this.#byteCount);
    this.#s.stage = Stage.fetch;
    for (let n = 0; n < 8; n++) this.#s.descriptor.set(n, 0);
  }

  #refuse(error: D.QueueError): void {
    this.#o.registers.write("iqer", InvalidationError.iqei, error);
    this.#o.faults.set(iqe);
  }
}

/** Descriptors after which nothing may be kept that was read before. */
const forgetting: ReadonlySet<number> = new Set([Type.context, Type.iotlb, Type.pasidIotlb, Type.pasidCache]);
