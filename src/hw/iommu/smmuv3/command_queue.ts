/**
 * The command queue of an SMMUv3: commands are fetched in order, caches forget, devices are asked, completion is told.
 *
 * Source: IHI 0070 G, 4.1 (submission, errors), 4.7.3 (CMD_SYNC), 7.1 (errors and how they end), 6.3.9.3 (CMDQEN), 3.9.1.4
 * (a device that does not answer). That a command is consumed says nothing; a CMD_SYNC is consumed when devices have
 * answered and requests that were under way have ended. CONS moves first, then the interrupt is sent.
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { DeviceTlb } from "../../../bus/ats.js";
import type { Memory } from "../../../mem/memory.js";
import * as C from "../../../spec/smmuv3/command_layouts.js";
import { CommandError } from "../../../spec/smmuv3/commands.js";
import { CommandConsumer, Cr2, GlobalError, QueueIndex } from "../../../spec/smmuv3/control_registers.js";
import { Cr0, Idr0, Idr1 } from "../../../spec/smmuv3/registers.js";
import { cell, cells, type Live, type MachineState, record } from "../../../state/index.js";
import type { UnitCaches } from "../core/caches.js";
import type { CarriedOut } from "../core/carried_out.js";
import type { DeviceTags } from "../core/device_tags.js";
import type { Transaction } from "../core/transaction.js";
import { forget } from "./caches_told.js";
import { isIllegal } from "./command_check.js";
import type { SmmuErrors } from "./global_errors.js";
import type { SmmuInterrupts } from "./interrupts.js";
import { after, countOf, entryAt, isConsistent, ringOf } from "./queue.js";
import type { SmmuRegisters } from "./registers.js";

const { Command, Completion } = C;
const { rd, err } = CommandConsumer;
const { cmdqen, smmuen, vmw } = Cr0;

/** What comes next. */
const Stage = { fetch: 0, carryOut: 1, tell: 2 } as const;
type Stage = (typeof Stage)[keyof typeof Stage];

const QueueState = record("SMMUv3 command queue", {
  stage: cell<Stage>("what comes next"),
  command: cells(4, "as it was fetched"),
  lost: cell<0 | 1>("1 = a device did not answer in time since the last CMD_SYNC that failed"),
});

/** A device is told what became of a group of its page requests. */
export interface PageResponse {
  readonly requester: number;
  readonly pasid: number | null;
  readonly group: number;
  /** 0 failure; 1 invalid request; 2 success. */
  readonly code: number;
}

export interface CommandQueueParts {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly registers: SmmuRegisters;
  readonly caches: UnitCaches;
  readonly tags: DeviceTags;
  readonly errors: SmmuErrors;
  readonly interrupts: SmmuInterrupts;
  readonly transactions: readonly Transaction[];
  readonly deviceTlb: (requester: number) => DeviceTlb | null;
  readonly pageResponse: ((r: PageResponse) => void) | undefined;
  readonly wakeUp: (() => void) | undefined;
  /** Told of each command when it is carried out, CMD_SYNC excepted. */
  readonly carriedOut: CarriedOut | undefined;
}

export class SmmuCommandQueue {
  readonly name = "command queue";
  readonly #s: Live<typeof QueueState.drafts>;
  readonly #o: CommandQueueParts;
  readonly #words = new Uint32Array(4);

  constructor(o: CommandQueueParts) {
    this.#o = o;
    this.#s = o.state.place(QueueState);
  }

  /** A command is at hand: CMDQEN counts as 0 when it is done with. */
  get isBusy(): boolean {
    return this.#s.stage !== Stage.fetch;
  }

  choices(): number {
    const { registers, errors } = this.#o;
    if (this.#s.stage === Stage.carryOut) return this.#mayGoOn() ? 1 : 0;
    if (this.#s.stage === Stage.tell) return 1;
    if (registers.read("cr0ack", cmdqen) === 0 || errors.isActive(GlobalError.cmdq)) return 0;
    const ring = ringOf(registers, "cmdq");
    const count = countOf(ring, registers.read("cmdqCons", rd), registers.read("cmdqProd", QueueIndex.index));
    return count > 0 && isConsistent(ring, count) ? 1 : 0;
  }

  label(): string {
    if (this.#s.stage === Stage.fetch) return "fetch a command";
    if (this.#s.stage === Stage.tell) return "send the interrupt";
    return `carry out: ${C.commandLayouts[this.#op]?.title ?? "an unknown command"}`;
  }

  atomic(): string {
    if (this.#s.stage === Stage.carryOut) return "all caches of one command's scope are one to who asks them";
    return "a unit knows its own registers";
  }

  step(): void {
    if (this.#s.stage === Stage.fetch) this.#fetch();
    else if (this.#s.stage === Stage.tell) this.#tell();
    else this.#carryOut();
  }

  /** One answer of a device; what was not asked for is passed over. */
  completed(o: { readonly requester: number; readonly tags: number; readonly count: number }): void {
    for (let tag = 0; tag < this.#o.tags.count; tag++) {
      if (((o.tags >>> tag) & 1) === 1) this.#o.tags.answer({ requester: o.requester, tag, expected: o.count });
    }
  }

  /** A device did not answer in time: the CMD_SYNC that waits for it, or the next one, fails. */
  timedOut(tag: number): void {
    this.#o.tags.free(tag);
    this.#s.lost = 1;
  }

  get #op(): number {
    return this.#command[0]! & 0xff;
  }

  get #command(): Uint32Array {
    this.#s.command.copyTo(this.#words);
    return this.#words;
  }

  #mayGoOn(): boolean {
    const { tags, transactions } = this.#o;
    if (this.#op === Command.atcInv) return tags.busyCount < tags.count;
    if (this.#op !== Command.sync || this.#s.lost === 1) return true;
    return tags.busyCount === 0 && !transactions.some((t) => t.isAwaited);
  }

  #fetch(): void {
    const { registers, memory, transactions } = this.#o;
    const ring = ringOf(registers, "cmdq");
    const at = entryAt(ring, registers.read("cmdqCons", rd));
    if (at + ring.entryBytes > memory.frameCount * frameBytes) {
      this.#refuse(CommandError.abort);
      return;
    }
    memory.load(at, this.#words);
    if (isIllegal(registers, this.#words)) {
      this.#refuse(CommandError.illegal);
      return;
    }
    this.#s.command.copyFrom(this.#words);
    this.#s.stage = Stage.carryOut;
    if (this.#op === Command.sync) for (const t of transactions) t.await();
  }

  #carryOut(): void {
    const { caches, registers, transactions } = this.#o;
    const w = this.#command;
    if (this.#op !== Command.sync) this.#o.carriedOut?.(w.slice());
    const wide = registers.read("cr0ack", vmw);
    const wildcard = registers.read("idr0", Idr0.vmw) === 1 && wide <= 4 ? 2 ** wide - 1 : 0;
    if (forget(caches, w, { wildcard, e2h: registers.read("cr2", Cr2.e2h) === 1 })) {
      for (const t of transactions) t.overtake();
      this.#done();
      return;
    }
    switch (this.#op) {
      case Command.sync:
        this.#sync(w);
        return;
      case Command.atcInv:
        if (this.#isOn && isStream(registers, read(w, 0, C.AtcInvalidate.sid))) this.#ask(w);
        break;
      case Command.priResp:
        if (this.#isOn) this.#respond(w);
        break;
      case Command.resume:
        this.#resume(w);
        break;
      case Command.stallTerm: {
        const sid = read(w, 0, C.StallTerminate.sid);
        for (const t of transactions) if (t.isStalled && t.requester === sid) t.resume("refused");
        break;
      }
      default:
        // Nothing is fetched in advance: 4.2 asks for none of it.
        break;
    }
    this.#done();
  }

  get #isOn(): boolean {
    return this.#o.registers.read("cr0ack", smmuen) === 1;
  }

  #sync(w: Uint32Array): void {
    if (this.#s.lost === 1) {
      this.#s.lost = 0;
      this.#refuse(CommandError.deviceTlb);
      return;
    }
    const cs = read(w, 0, C.Sync.cs);
    if (cs !== Completion.interrupt && cs !== Completion.event) {
      this.#done();
      return;
    }
    this.#consume();
    this.#s.stage = Stage.tell;
  }

  #tell(): void {
    const { interrupts, registers, wakeUp } = this.#o;
    const w = this.#command;
    const [isEvent, address, data] = [
      read(w, 0, C.Sync.cs) === Completion.event,
      read(w, 0, C.Sync.msiAddress) * 4,
      read(w, 0, C.Sync.msiData),
    ];
    if (!isEvent) interrupts.send("completion", address, data);
    else if (registers.read("idr0", Idr0.sev) === 1) wakeUp?.();
    this.#end();
  }

  #ask(w: Uint32Array): void {
    const { sid, ssv, ssid, global, size, page } = C.AtcInvalidate;
    const requester = read(w, 0, sid);
    const hasSubstream = read(w, 0, ssv) === 1;
    const frameCount = 2 ** read(w, 0, size);
    const first = read(w, 0, page);
    const tag = this.#o.tags.take(requester);
    this.#o.deviceTlb(requester)?.invalidate({
      tag,
      pasid: hasSubstream ? read(w, 0, ssid) : null,
      global: hasSubstream && read(w, 0, global) === 1,
      frame: first - (first % frameCount),
      frameCount,
    });
  }

  #respond(w: Uint32Array): void {
    const { sid, ssv, ssid, group, resp } = C.PageResponse;
    const pasid = read(w, 0, ssv) === 1 ? read(w, 0, ssid) : null;
    this.#o.pageResponse?.({ requester: read(w, 0, sid), pasid, group: read(w, 0, group), code: read(w, 0, resp) });
  }

  /** A tag that is no stalled request's, or another stream's, has no effect. */
  #resume(w: Uint32Array): void {
    const { sid, stag, retry, abort } = C.Resume;
    const t = this.#o.transactions[read(w, 0, stag)];
    if (t === undefined || !t.isStalled || t.requester !== read(w, 0, sid)) return;
    const refuses = read(w, 0, abort) === 1 || this.#o.registers.read("idr0", Idr0.termModel) === 1;
    t.resume(read(w, 0, retry) === 1 ? "again" : refuses ? "refused" : "swallowed");
  }

  #done(): void {
    this.#consume();
    this.#end();
  }

  #consume(): void {
    const { registers } = this.#o;
    registers.write("cmdqCons", rd, after(ringOf(registers, "cmdq"), registers.read("cmdqCons", rd)));
  }

  /** CONS stays on what is refused; nothing more is fetched until software has acknowledged the error. */
  #refuse(error: number): void {
    this.#o.registers.write("cmdqCons", err, error);
    this.#o.errors.raise(GlobalError.cmdq);
    this.#end();
  }

  #end(): void {
    const { registers } = this.#o;
    this.#s.stage = Stage.fetch;
    for (let n = 0; n < 4; n++) this.#s.command.set(n, 0);
    registers.write("cr0ack", cmdqen, registers.read("cr0", cmdqen));
  }
}

/** A stream that the unit cannot have: nobody is asked. 4.1.7. */
const isStream = (registers: SmmuRegisters, sid: number) => sid < 2 ** registers.read("idr1", Idr1.sidSize);
