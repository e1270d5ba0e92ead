/**
 * A VT-d remapping unit: registers, caches, a queue, faults.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1. Commands by registers are carried out when they are written; what
 * is asked by the queue is done step by step.
 */
import type { read } from "../../../bits/field.js";
import type { Register } from "../../../bits/register_map.js";
import type { DeviceTlb, InvalidationSink } from "../../../bus/ats.js";
import type { PageGroupAnswer, PageRequest } from "../../../bus/page_requests.js";
import { RegisterFile } from "../../../bus/registers.js";
import type { Memory } from "../../../mem/memory.js";
import type { MemoryView } from "../../../mem/view.js";
import {
  ContextCommand,
  GlobalCommand,
  InvalidateAddress,
  IotlbCommand,
  vtdRegisters,
} from "../../../spec/vtd/register_map.js";
import { GlobalStatus } from "../../../spec/vtd/registers.js";
import type { MachineState } from "../../../state/machine_state.js";
import type { Attachment, LookupFault } from "../../../table/device/index.js";
import { type CacheSizes, smallCaches, UnitCaches } from "../core/caches.js";
import type { CarriedOut } from "../core/carried_out.js";
import { DeviceTags } from "../core/device_tags.js";
import type { MessagePort } from "../core/message_port.js";
import { AddressType } from "../core/request.js";
import { Transaction } from "../core/transaction.js";
import { unitMemory } from "../core/unit_memory.js";
import type { UnitParts } from "../core/unit_parts.js";
import { forgetContexts, forgetTranslations } from "./caches_told.js";
import { VtdEvent, type VtdRegisters } from "./event.js";
import { VtdFaults } from "./faults.js";
import { VtdInvalidationQueue } from "./invalidation_queue.js";
import { VtdPageRequests } from "./page_requests.js";
import { VtdModel } from "./vtd_model.js";

export interface VtdUnitOptions {
  readonly state: MachineState;
  readonly memory: Memory;
  /** CAP and ECAP, both words of each: what the unit is able to do. */
  readonly capability: readonly [number, number];
  readonly extendedCapability: readonly [number, number];
  readonly messages: MessagePort;
  /** The TLB of a device; null where it has none. Left out: no device has. */
  readonly deviceTlb?: (requester: number) => DeviceTlb | null;
  /** A device is told what became of a group of its page requests. Left out: nobody hears it. */
  readonly pageAnswer?: (a: PageGroupAnswer) => void;
  /** Bits of physical addresses. Default 46. */
  readonly outputBits?: number;
  readonly caches?: CacheSizes;
  /** Bits of an entry of a device table that are fetched at once. Default 128. */
  readonly fetchBits?: UnitParts["fetchBits"];
  /** Requests that can be under way at once. Default 1. */
  readonly requests?: number;
  /** Invalidations that devices may owe an answer. Default 2. */
  readonly deviceTags?: number;
  /** Told of each descriptor when it is carried out, waits excepted. */
  readonly carriedOut?: CarriedOut;
}

export class VtdUnit implements InvalidationSink {
  readonly registers: VtdRegisters;
  readonly queue: VtdInvalidationQueue;
  readonly caches: UnitCaches;
  readonly tags: DeviceTags;
  /** Requests under way: an actor each. */
  readonly transactions: readonly Transaction[];
  readonly #memory: MemoryView;
  readonly #model: VtdModel;
  readonly #faults: VtdFaults;
  readonly #pageRequests: VtdPageRequests;
  readonly #events: Readonly<Record<"fault" | "invalidation" | "page", VtdEvent>>;

  constructor(o: VtdUnitOptions) {
    const { state, memory, messages } = o;
    this.#memory = unitMemory(memory);
    this.registers = new RegisterFile(vtdRegisters, { state, written: (r) => this.#written(r) });
    const { cap, ecap } = vtdRegisters.registers;
    this.registers.load([
      [cap.offset, o.capability[0]],
      [cap.offset + 4, o.capability[1]],
      [ecap.offset, o.extendedCapability[0]],
      [ecap.offset + 4, o.extendedCapability[1]],
    ]);
    const event = (kind: "fault" | "invalidation" | "page") => new VtdEvent(this.registers, kind, messages);
    this.#events = { fault: event("fault"), invalidation: event("invalidation"), page: event("page") };
    this.#faults = new VtdFaults(this.registers, this.#events.fault);
    this.#model = new VtdModel({
      state,
      registers: this.registers,
      faults: this.#faults,
      outputBits: o.outputBits ?? 46,
    });
    this.caches = new UnitCaches(state, o.caches ?? smallCaches, "VT-d");
    this.tags = new DeviceTags(state, o.deviceTags ?? 2);
    const parts: UnitParts = { state, memory, model: this.#model, caches: this.caches, fetchBits: o.fetchBits ?? 128 };
    this.transactions = Array.from({ length: o.requests ?? 1 }, (_, n) => new Transaction(parts, `request ${n + 1}`));
    const pageAnswer = o.pageAnswer ?? (() => undefined);
    this.queue = new VtdInvalidationQueue({
      ...{ state, memory, registers: this.registers, caches: this.caches, tags: this.tags, faults: this.#faults },
      event: this.#events.invalidation,
      transactions: this.transactions,
      isScalable: () => this.#model.isScalable,
      deviceTlb: o.deviceTlb ?? (() => null),
      pageAnswer,
      carriedOut: o.carriedOut,
    });
    this.#pageRequests = new VtdPageRequests({
      ...{ memory, registers: this.registers, event: this.#events.page, answer: pageAnswer },
    });
  }

  /** A device asks for a page that is not there. */
  requested(r: PageRequest): void {
    this.#pageRequests.requested(r);
  }

  /** What the tables in memory say of a device's requests without PASID now, whatever is cached. */
  attached(requester: number): Attachment | LookupFault {
    return this.#model.lookup(this.#memory, { requester, pasid: null, type: AddressType.untranslated });
  }

  completed(o: { readonly requester: number; readonly tags: number; readonly count: number }): void {
    this.queue.completed(o);
  }

  #written({ name }: Register): void {
    switch (name as keyof typeof vtdRegisters.registers) {
      case "gcmd":
        this.#command();
        break;
      case "ccmd":
        this.#contextCommand();
        break;
      case "iotlb":
        this.#iotlbCommand();
        break;
      case "fsts":
      case "faultHigh":
        this.#faults.written();
        break;
      case "fectl":
        this.#events.fault.controlWritten();
        break;
      case "iectl":
        this.#events.invalidation.controlWritten();
        break;
      case "prs":
        this.#pageRequests.written();
        break;
      case "pectl":
        this.#events.page.controlWritten();
        break;
      default:
        break;
    }
  }

  /** Each bit of GCMD; GSTS says what was done. 11.4.4. */
  #command(): void {
    const { registers } = this;
    const wanted = (field: Parameters<typeof read<0 | 1>>[2]) => registers.read("gcmd", field);
    if (wanted(GlobalCommand.srtp) === 1) {
      this.#model.takeRoot();
      registers.write("gsts", GlobalStatus.rtps, 1);
    }
    if (wanted(GlobalCommand.sirtp) === 1) registers.write("gsts", GlobalStatus.irtps, 1);
    const queueWasOn = registers.read("gsts", GlobalStatus.qies) === 1;
    registers.write("gsts", GlobalStatus.qies, wanted(GlobalCommand.qie));
    if (!queueWasOn && wanted(GlobalCommand.qie) === 1) this.queue.enabled();
    registers.write("gsts", GlobalStatus.tes, wanted(GlobalCommand.te));
    registers.write("gsts", GlobalStatus.ires, wanted(GlobalCommand.ire));
    registers.write("gsts", GlobalStatus.cfis, wanted(GlobalCommand.cfi));
  }

  /** What requests under way have read is not kept after an invalidation. */
  #overtake(): void {
    for (const t of this.transactions) t.overtake();
  }

  /** Without the queue. 11.4.6.1. */
  #contextCommand(): void {
    const { registers } = this;
    const { icc, cirg, caig, fm, sid, did } = ContextCommand;
    if (registers.read("ccmd", icc) === 0) return;
    this.#overtake();
    const g = registers.read("ccmd", cirg);
    const what = { did: registers.read("ccmd", did), sid: registers.read("ccmd", sid), fm: registers.read("ccmd", fm) };
    if (g !== 0) forgetContexts(this.caches, { g, ...what });
    registers.write("ccmd", caig, g);
    registers.write("ccmd", icc, 0);
  }

  /** Without the queue. 11.4.6.2. */
  #iotlbCommand(): void {
    const { registers } = this;
    const { ivt, iirg, iaig, did } = IotlbCommand;
    if (registers.read("iotlb", ivt) === 0) return;
    this.#overtake();
    const g = registers.read("iotlb", iirg);
    const { am, ih, page } = InvalidateAddress;
    if (g !== 0) {
      forgetTranslations(this.caches, {
        g,
        did: registers.read("iotlb", did),
        page: registers.read("iva", page),
        am: registers.read("iva", am),
        ih: registers.read("iva", ih) === 1,
      });
    }
    registers.write("iotlb", iaig, g);
    registers.write("iotlb", ivt, 0);
  }
}
