/**
 * An AMD-Vi unit: registers, caches, a command processor, an event log.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882.
 */
import type { Register } from "../../../bits/register_map.js";
import type { DeviceTlb, InvalidationSink } from "../../../bus/ats.js";
import { RegisterFile } from "../../../bus/registers.js";
import type { Memory } from "../../../mem/memory.js";
import type { MemoryView } from "../../../mem/view.js";
import { amdviRegisters } from "../../../spec/amdvi/register_map.js";
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
import { AmdviModel } from "./amdvi_model.js";
import { AmdviCommandBuffer } from "./command_buffer.js";
import { AmdviEventLog } from "./event_log.js";
import { AmdviEvents } from "./events.js";
import { AmdviInterrupts, type AmdviRegisters } from "./interrupts.js";

export interface AmdviUnitOptions {
  readonly state: MachineState;
  readonly memory: Memory;
  /** EFR, both words: what the unit is able to do. */
  readonly features: readonly [number, number];
  readonly messages: MessagePort;
  /** The TLB of a device; null where it has none. Left out: no device has. */
  readonly deviceTlb?: (requester: number) => DeviceTlb | null;
  /** Bits of physical addresses. Default 48. */
  readonly outputBits?: number;
  readonly caches?: CacheSizes;
  /** Bits of an entry of the device table that are fetched at once. Default 256: all of it. */
  readonly fetchBits?: UnitParts["fetchBits"];
  /** Requests that can be under way at once. Default 1. */
  readonly requests?: number;
  /** Commands that may be fetched and not done with. Default 2. */
  readonly commands?: number;
  /** Invalidations that devices may owe an answer, at most 32. Default 2. */
  readonly deviceTags?: number;
  /** Told of each command when it is carried out, waits excepted. */
  readonly carriedOut?: CarriedOut;
}

export class AmdviUnit implements InvalidationSink {
  readonly registers: AmdviRegisters;
  readonly queue: AmdviCommandBuffer;
  readonly caches: UnitCaches;
  readonly tags: DeviceTags;
  /** Requests under way: an actor each. */
  readonly transactions: readonly Transaction[];
  readonly #memory: MemoryView;
  readonly #model: AmdviModel;
  readonly #log: AmdviEventLog;
  readonly #interrupts: AmdviInterrupts;

  constructor(o: AmdviUnitOptions) {
    const { state, memory, messages } = o;
    this.#memory = unitMemory(memory);
    this.registers = new RegisterFile(amdviRegisters, { state, written: (r) => this.#written(r) });
    const { registers } = this;
    const { efr } = amdviRegisters.registers;
    registers.load([
      [efr.offset, o.features[0]],
      [efr.offset + 4, o.features[1]],
    ]);
    this.#interrupts = new AmdviInterrupts({ state, registers, messages });
    const interrupts = this.#interrupts;
    this.#log = new AmdviEventLog({ state, memory, registers, interrupts });
    this.caches = new UnitCaches(state, o.caches ?? smallCaches, "AMD-Vi");
    const events = new AmdviEvents({ log: this.#log, caches: this.caches });
    this.#model = new AmdviModel({ registers, events, outputBits: o.outputBits ?? 48 });
    this.tags = new DeviceTags(state, o.deviceTags ?? 2);
    const parts: UnitParts = { state, memory, model: this.#model, caches: this.caches, fetchBits: o.fetchBits ?? 256 };
    this.transactions = Array.from({ length: o.requests ?? 1 }, (_, n) => new Transaction(parts, `request ${n + 1}`));
    this.queue = new AmdviCommandBuffer({
      ...{ state, memory, registers, caches: this.caches, tags: this.tags, events, interrupts },
      transactions: this.transactions,
      deviceTlb: o.deviceTlb ?? (() => null),
      windowSize: o.commands ?? 2,
      carriedOut: o.carriedOut,
    });
  }

  /** What the tables in memory say of a device's requests without PASID now, whatever is cached. */
  attached(requester: number): Attachment | LookupFault {
    return this.#model.lookup(this.#memory, { requester, pasid: null, type: AddressType.untranslated });
  }

  completed(o: { readonly requester: number; readonly tags: number; readonly count: number }): void {
    this.queue.completed(o);
  }

  #written({ name }: Register): void {
    switch (name as keyof typeof amdviRegisters.registers) {
      case "control":
        this.#log.controlWritten();
        this.queue.controlWritten();
        this.#interrupts.changed();
        break;
      case "status":
        this.#interrupts.changed();
        break;
      case "cmdbuf":
        this.queue.baseWritten();
        break;
      case "evtlog":
        this.#log.baseWritten();
        break;
      default:
        break;
    }
  }
}
