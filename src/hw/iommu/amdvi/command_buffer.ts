/**
 * The command processor of an AMD-Vi unit: commands are fetched in order and begun in order; devices answer later.
 *
 * Source: AMD IOMMU 48882, 2.4 (commands; the head moves when a command is fetched, which says nothing of its being done),
 * 2.5.6 and 2.5.7 (errors halt the processor until software has switched it off and on), 2.5.8 (a device that does not
 * answer in time), 3.4.4 and 3.4.16 (CmdBufEn, InvTimeOut, CmdBufRun, ComWaitInt).
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { About } from "../../../bits/layout.js";
import type { DeviceTlb } from "../../../bus/ats.js";
import type { Memory } from "../../../mem/memory.js";
import * as C from "../../../spec/amdvi/commands.js";
import { Control, UnitStatus } from "../../../spec/amdvi/registers.js";
import { cell, type Live, type MachineState, record } from "../../../state/index.js";
import type { UnitCaches } from "../core/caches.js";
import type { CarriedOut } from "../core/carried_out.js";
import { Answered, type DeviceTags } from "../core/device_tags.js";
import { sizedRange } from "../core/sized_range.js";
import type { Transaction } from "../core/transaction.js";
import { UnitBuffer } from "./buffer.js";
import { forgetDevice, forgetPages, forgetRange } from "./caches_told.js";
import type { AmdviEvents } from "./events.js";
import type { AmdviInterrupts, AmdviRegisters } from "./interrupts.js";
import { isIllegal, opcodeOf } from "./legal.js";
import { CommandOrder } from "./order.js";
import { CommandWindow, commandWords, Stage } from "./window.js";

const { Opcode } = C;
const { cmdBufRun, comWaitInt } = UnitStatus;

const ProcessorState = record("AMD-Vi command processor", { on: cell<0 | 1>("1 = software has it on") });

export interface CommandParts {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly registers: AmdviRegisters;
  readonly caches: UnitCaches;
  readonly tags: DeviceTags;
  readonly events: AmdviEvents;
  readonly interrupts: AmdviInterrupts;
  /** Requests under way: what they found of the tables is not forgotten before they are over. */
  readonly transactions: readonly Transaction[];
  /** The TLB of a device; null where it has none, or is gone: then nobody answers. */
  readonly deviceTlb: (requester: number) => DeviceTlb | null;
  /** Commands that may be fetched and not done with. */
  readonly windowSize: number;
  /** Told of each command when it is carried out, waits excepted. */
  readonly carriedOut: CarriedOut | undefined;
}

export class AmdviCommandBuffer {
  readonly name = "command processor";
  readonly #o: CommandParts;
  readonly #s: Live<typeof ProcessorState.drafts>;
  readonly #buffer: UnitBuffer;
  readonly #window: CommandWindow;
  readonly #order: CommandOrder;
  readonly #words = new Uint32Array(commandWords);

  constructor(o: CommandParts) {
    this.#o = o;
    this.#s = o.state.place(ProcessorState);
    this.#buffer = new UnitBuffer(o.registers, "commands");
    this.#window = new CommandWindow(o.state, o.windowSize);
    this.#order = new CommandOrder({ ...o, window: this.#window });
  }

  baseWritten(): void {
    this.#buffer.baseWritten();
  }

  /** CONTROL was written. What was fetched is carried out whatever it says. */
  controlWritten(): void {
    const { registers } = this.#o;
    const on = registers.read("control", Control.iommuEn) & registers.read("control", Control.cmdBufEn) ? 1 : 0;
    if (on === this.#s.on) return;
    this.#s.on = on;
    registers.write("status", cmdBufRun, on);
  }

  choices(): number {
    return (this.#mayFetch() ? 1 : 0) + this.#order.ready().length;
  }

  label(choice: number): string {
    const n = this.#at(choice);
    if (n < 0) return "fetch a command";
    const stage = this.#window.stageOf(n);
    if (stage === Stage.refuse) return "record an illegal command";
    return stage === Stage.tell
      ? "tell of completion"
      : `carry out: ${this.#aboutOf(n)?.title ?? "an unknown command"}`;
  }

  atomic(choice: number): string {
    const n = this.#at(choice);
    if (n >= 0 && this.#window.stageOf(n) === Stage.carryOut)
      return "all caches of one command's scope are one to who asks them";
    return "a unit knows its own registers, and its record is read when they say so";
  }

  step(choice: number): void {
    const n = this.#at(choice);
    if (n < 0) {
      this.#fetch();
      return;
    }
    const stage = this.#window.stageOf(n);
    if (stage === Stage.refuse) {
      this.#halt();
      this.#o.events.illegalCommand(this.#window.addressOf(n));
      this.#window.remove(n);
    } else if (stage === Stage.tell) {
      this.#tell(n);
    } else {
      this.#carryOut(n);
    }
  }

  /** One answer of a device; one that nobody waits for is passed over. */
  completed(o: { readonly requester: number; readonly tags: number; readonly count: number }): void {
    for (let tag = 0; tag < this.#o.tags.count; tag++) {
      if (((o.tags >>> tag) & 1) === 0) continue;
      const answered = this.#o.tags.answer({ requester: o.requester, tag, expected: o.count });
      if (answered === Answered.last) this.#window.remove(this.#window.withTag(tag));
    }
  }

  /** How long a device may take to answer; null: for ever. */
  get timeoutMs(): number | null {
    const code = this.#o.registers.read("control", Control.invTimeOut);
    return code === 0 || code === 7 ? null : 10 ** (code - 1);
  }

  /** That time is over for a tag: recorded, and the command counts as done. */
  timedOut(tag: number): void {
    const requester = this.#o.tags.requesterOf(tag);
    if (requester === null || this.timeoutMs === null) return;
    const n = this.#window.withTag(tag);
    this.#o.tags.free(tag);
    this.#o.events.timedOut(requester, this.#window.addressOf(n));
    this.#window.remove(n);
  }

  /** Of a choice: the command that goes on; -1: one is fetched. */
  #at(choice: number): number {
    const fetches = this.#mayFetch() ? 1 : 0;
    return choice < fetches ? -1 : this.#order.ready()[choice - fetches]!;
  }

  #mayFetch(): boolean {
    const { registers } = this.#o;
    if (registers.read("status", cmdBufRun) === 0 || this.#buffer.head === this.#buffer.tail) return false;
    return this.#order.letsFetch();
  }

  #aboutOf(n: number): About | undefined {
    this.#window.copyTo(n, this.#words);
    return C.commandLayouts[opcodeOf(this.#words)];
  }

  #fetch(): void {
    const { memory, events, registers } = this.#o;
    const { head } = this.#buffer;
    const at = this.#buffer.addressOf(head);
    if (at + C.commandBytes > memory.frameCount * frameBytes) {
      this.#halt();
      events.commandError(at);
      return;
    }
    memory.load(at, this.#words);
    this.#buffer.head = head + 1;
    const stage = isIllegal(this.#words, registers) ? Stage.refuse : Stage.carryOut;
    this.#window.add({ stage, command: this.#words, at });
  }

  #carryOut(n: number): void {
    const { caches } = this.#o;
    this.#window.copyTo(n, this.#words);
    const w = this.#words;
    if (opcodeOf(w) !== Opcode.completionWait) this.#o.carriedOut?.(w.slice());
    switch (opcodeOf(w)) {
      case Opcode.completionWait:
        this.#complete(n, w);
        return;
      case Opcode.invalidateDeviceTlb:
        this.#ask(n, w);
        return;
      case Opcode.invalidateDevice:
        forgetDevice(caches, read(w, 0, C.InvalidateDevice.device));
        break;
      case Opcode.invalidatePages: {
        const { did, pasid, page, s, pde, gn } = C.InvalidatePages;
        forgetPages(caches, {
          did: read(w, 0, did),
          pasid: read(w, 0, gn) === 1 ? read(w, 0, pasid) : null,
          page: read(w, 0, page),
          isSized: read(w, 0, s) === 1,
          directories: read(w, 0, pde) === 1,
        });
        break;
      }
      case Opcode.prefetch: {
        const { page, s, inval } = C.Prefetch;
        if (read(w, 0, inval) === 1) forgetRange(caches, { page: read(w, 0, page), isSized: read(w, 0, s) === 1 });
        break;
      }
      case Opcode.invalidateAll:
        caches.forget();
        break;
      default:
        // Interrupt tables are not cached here, and page requests are not taken.
        break;
    }
    this.#window.remove(n);
  }

  /** Ask a device. */
  #ask(n: number, w: Uint32Array): void {
    const { device, pasidLow, pasidMiddle, pasidHigh, page, s, gn } = C.InvalidateDeviceTlb;
    const requester = read(w, 0, device);
    const pasid = read(w, 0, pasidLow) + read(w, 0, pasidMiddle) * 2 ** 8 + read(w, 0, pasidHigh) * 2 ** 16;
    const tag = this.#o.tags.take(requester);
    this.#window.setTag(n, tag);
    this.#window.setStage(n, Stage.asked);
    this.#o.deviceTlb(requester)?.invalidate({
      tag,
      pasid: read(w, 0, gn) === 1 ? pasid : null,
      global: false,
      ...sizedRange(read(w, 0, page), read(w, 0, s) === 1),
    });
  }

  /** All before it is done. */
  #complete(n: number, w: Uint32Array): void {
    const { memory } = this.#o;
    const { s, i, at, dataLow, dataHigh } = C.CompletionWait;
    const to = read(w, 0, at) * 8;
    if (read(w, 0, s) === 1 && to + 8 <= memory.frameCount * frameBytes)
      memory.store64(to, read(w, 0, dataLow), read(w, 0, dataHigh));
    if (read(w, 0, i) === 1) this.#window.setStage(n, Stage.tell);
    else this.#window.remove(n);
  }

  #tell(n: number): void {
    this.#o.interrupts.raise(comWaitInt);
    this.#window.remove(n);
  }

  #halt(): void {
    this.#o.registers.write("status", cmdBufRun, 0);
  }
}
