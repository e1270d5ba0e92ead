/**
 * An SMMUv3: registers, caches, a command queue, an event queue, global errors.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G. Only the non-secure programming interface. Updates of CR0, GBPA
 * and IRQ_CTRL count when they are written, but for CMDQEN, which waits for the command at hand.
 */
import type { Field } from "../../../bits/field.js";
import { read } from "../../../bits/field.js";
import type { Register } from "../../../bits/register_map.js";
import type { DeviceTlb, InvalidationSink } from "../../../bus/ats.js";
import { RegisterFile } from "../../../bus/registers.js";
import type { Memory } from "../../../mem/memory.js";
import type { MemoryView } from "../../../mem/view.js";
import { InterruptControl } from "../../../spec/smmuv3/control_registers.js";
import { smmuRegisters } from "../../../spec/smmuv3/register_map.js";
import { Cr0, GlobalBypass, Idr0 } from "../../../spec/smmuv3/registers.js";
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
import { type Identification, modelled } from "./abilities.js";
import { type PageResponse, SmmuCommandQueue } from "./command_queue.js";
import { SmmuEventQueue } from "./event_queue.js";
import { SmmuErrors } from "./global_errors.js";
import { type InterruptSource, SmmuInterrupts } from "./interrupts.js";
import type { SmmuName, SmmuRegisters } from "./registers.js";
import { SmmuModel } from "./smmu_model.js";

export interface SmmuUnitOptions {
  readonly state: MachineState;
  readonly memory: Memory;
  /** What the unit is able to do; what is not modelled is left out of it: see `modelled`. */
  readonly identification: Identification;
  readonly messages: MessagePort;
  /** Whether a message to this address is an interrupt, and no write to memory. Left out: what lies beyond memory is. */
  readonly isDoorbell?: (address: number) => boolean;
  /** A pulse on a wire. Left out: there are none. */
  readonly wire?: (source: InterruptSource) => void;
  /** A wake-up event for processors. */
  readonly wakeUp?: () => void;
  /** The TLB of a device; null where it has none. Left out: no device has. */
  readonly deviceTlb?: (requester: number) => DeviceTlb | null;
  readonly pageResponse?: (r: PageResponse) => void;
  readonly caches?: CacheSizes;
  /** Bits of a configuration structure that are fetched at once. Default 64, the least that the specification allows. */
  readonly fetchBits?: UnitParts["fetchBits"];
  /** Requests that can be under way at once. Default 1. */
  readonly requests?: number;
  /** Invalidations that devices may owe an answer. Default 2. */
  readonly deviceTags?: number;
  /** Told of each command when it is carried out, CMD_SYNC excepted. */
  readonly carriedOut?: CarriedOut;
}

/** Registers that may be changed only while a bit of CR0, or of IRQ_CTRL, is 0. */
const guards: Readonly<Partial<Record<SmmuName, Field<0 | 1>>>> = {
  cr2: Cr0.smmuen,
  strtabBase: Cr0.smmuen,
  strtabBaseCfg: Cr0.smmuen,
  cmdqBase: Cr0.cmdqen,
  cmdqCons: Cr0.cmdqen,
  eventqBase: Cr0.eventqen,
  eventqProd: Cr0.eventqen,
  priqBase: Cr0.priqen,
  priqProd: Cr0.priqen,
};
const { gerror, eventq, priq } = InterruptControl;
const interruptGuards: Readonly<Partial<Record<SmmuName, Field<0 | 1>>>> = {
  ...{ gerrorIrqCfg0: gerror, gerrorIrqCfg1: gerror, gerrorIrqCfg2: gerror },
  ...{ eventqIrqCfg0: eventq, eventqIrqCfg1: eventq, eventqIrqCfg2: eventq },
  ...{ priqIrqCfg0: priq, priqIrqCfg1: priq, priqIrqCfg2: priq },
};

export class SmmuUnit implements InvalidationSink {
  readonly registers: SmmuRegisters;
  readonly queue: SmmuCommandQueue;
  readonly caches: UnitCaches;
  readonly tags: DeviceTags;
  /** Requests under way: an actor each. */
  readonly transactions: readonly Transaction[];
  readonly #memory: MemoryView;
  readonly #model: SmmuModel;

  constructor(o: SmmuUnitOptions) {
    const { state, memory } = o;
    this.#memory = unitMemory(memory);
    const registers: SmmuRegisters = new RegisterFile(smmuRegisters, {
      ...{ state, takes: (r, _, value) => this.#takes(r, value), written: (r) => this.#written(r) },
    });
    this.registers = registers;
    const { map } = registers;
    registers.load(
      Object.entries(modelled(o.identification)).map(([name, word]) => [
        map.registers[name as keyof Identification].offset,
        word,
      ]),
    );
    const interrupts = new SmmuInterrupts({ ...o, registers });
    const errors = new SmmuErrors(registers, interrupts);
    const events = new SmmuEventQueue({ memory, registers, errors, interrupts });
    this.#model = new SmmuModel({ memory: this.#memory, registers, events });
    this.caches = new UnitCaches(state, o.caches ?? smallCaches, "SMMUv3");
    this.tags = new DeviceTags(state, o.deviceTags ?? 2);
    const parts: UnitParts = { state, memory, model: this.#model, caches: this.caches, fetchBits: o.fetchBits ?? 64 };
    this.transactions = Array.from(
      { length: o.requests ?? 1 },
      (_, n) => new Transaction(parts, `request ${n + 1}`, n),
    );
    this.queue = new SmmuCommandQueue({
      ...{ state, memory, registers, caches: this.caches, tags: this.tags, errors, interrupts },
      ...{ transactions: this.transactions, pageResponse: o.pageResponse, wakeUp: o.wakeUp },
      deviceTlb: o.deviceTlb ?? (() => null),
      carriedOut: o.carriedOut,
    });
  }

  /** What the tables in memory say of a stream's requests without substream now, whatever is cached. */
  attached(requester: number): Attachment | LookupFault {
    return this.#model.lookup(this.#memory, { requester, pasid: null, type: AddressType.untranslated });
  }

  completed(o: { readonly requester: number; readonly tags: number; readonly count: number }): void {
    this.queue.completed(o);
  }

  #takes(r: Register, value: number): boolean {
    const { registers } = this;
    const name = r.name as SmmuName;
    // 6.3.14.1: only a write that asks for the update counts.
    if (name === "gbpa") return read([value], 0, GlobalBypass.update) === 1;
    const guard = guards[name];
    if (guard !== undefined) return registers.read("cr0", guard) === 0 && registers.read("cr0ack", guard) === 0;
    const interrupt = interruptGuards[name];
    return interrupt === undefined || registers.read("irqCtrl", interrupt) === 0;
  }

  #written({ name }: Register): void {
    const { registers } = this;
    switch (name as SmmuName) {
      case "cr0":
        this.#control();
        break;
      case "gbpa":
        registers.write("gbpa", GlobalBypass.update, 0);
        break;
      case "irqCtrl": {
        const has = registers.read("idr0", Idr0.pri);
        registers.write("irqCtrlAck", gerror, registers.read("irqCtrl", gerror));
        registers.write("irqCtrlAck", eventq, registers.read("irqCtrl", eventq));
        registers.write("irqCtrlAck", priq, has === 1 ? registers.read("irqCtrl", priq) : 0);
        break;
      }
      default:
        break;
    }
  }

  /** CR0ACK follows; fields of what the unit has not stay 0. 6.3.9. */
  #control(): void {
    const { registers } = this;
    const has = (field: Field<0 | 1>) => registers.read("idr0", field) === 1;
    const wasOn = registers.read("cr0ack", Cr0.smmuen);
    registers.write("cr0ack", Cr0.smmuen, registers.read("cr0", Cr0.smmuen));
    registers.write("cr0ack", Cr0.eventqen, registers.read("cr0", Cr0.eventqen));
    registers.write("cr0ack", Cr0.priqen, has(Idr0.pri) ? registers.read("cr0", Cr0.priqen) : 0);
    registers.write("cr0ack", Cr0.atschk, has(Idr0.ats) ? registers.read("cr0", Cr0.atschk) : 0);
    registers.write("cr0ack", Cr0.vmw, has(Idr0.vmw) ? registers.read("cr0", Cr0.vmw) : 0);
    if (registers.read("cr0", Cr0.cmdqen) === 1 || !this.queue.isBusy)
      registers.write("cr0ack", Cr0.cmdqen, registers.read("cr0", Cr0.cmdqen));
    if (registers.read("cr0", Cr0.smmuen) !== wasOn) for (const t of this.transactions) t.restart();
  }
}
