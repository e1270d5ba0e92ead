/** Programs of SMMUv3: a linear stream table, a context descriptor and a first stage for each domain; events word by word. */
import { composed } from "../../../src/bits/composed.js";
import { type Field, read, write } from "../../../src/bits/field.js";
import type { CacheSizes } from "../../../src/hw/iommu/core/caches.js";
import { SmmuUnit } from "../../../src/hw/iommu/smmuv3/smmu_unit.js";
import * as C from "../../../src/spec/smmuv3/command_layouts.js";
import { ContextDescriptor as Cd } from "../../../src/spec/smmuv3/context_descriptor.js";
import { EventRecord, eventRecordBytes } from "../../../src/spec/smmuv3/event_record.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { StreamEntry as Ste } from "../../../src/spec/smmuv3/stream_table.js";
import { MachineState } from "../../../src/state/machine_state.js";
import type { TableRoot } from "../../../src/table/index.js";
import type { UnderTest } from "../machines.js";
import { smmuBase } from "../smmuv3_driver.js";
import { largeCaches } from "./large_caches.js";
import type { Domain, FaultReader, ProgramUnit } from "./program_unit.js";
import { type Act, Twin } from "./twin.js";

const { registers: at } = smmuRegisters;
/** log2 of the entries of both queues, and of the streams. */
const queueLg2 = 7;
export const streamsLg2 = 11;
const steBytes = 64;

export class SmmuProgram implements ProgramUnit {
  readonly name = "SMMUv3";
  readonly state = new MachineState();
  readonly recordsFaults = true;
  readonly rights = [1, 3];
  readonly twin: Twin;
  readonly #unit: SmmuUnit;
  readonly #streams: number;
  readonly #commands: number;
  readonly #events: number;
  /** Address of each domain's context descriptor, by ASID. */
  readonly #contexts = new Map<number, number>();
  readonly #posted: Uint32Array[] = [];
  #produced = 0;
  #consumed = 0;

  private constructor(twin: Twin, ids: readonly number[], caches: CacheSizes) {
    this.twin = twin;
    const [idr0, idr1, idr3, idr5] = ids as [number, number, number, number];
    this.#unit = new SmmuUnit({
      ...{ state: this.state, memory: twin.memory, messages: { send: () => undefined } },
      ...{ identification: { idr0, idr1, idr3, idr5 }, caches },
    });
    this.#streams = twin.allocate(2 ** streamsLg2 / 64) * 4096;
    this.#commands = twin.allocate() * 4096;
    this.#events = twin.allocate() * 4096;
  }

  static async of(machine: UnderTest, caches = largeCaches): Promise<SmmuProgram> {
    const twin = new Twin(machine, smmuBase);
    const ids = await twin.ask32([at.idr0.offset, at.idr1.offset, at.idr3.offset, at.idr5.offset]);
    const unit = new SmmuProgram(twin, ids, caches);
    const { registers } = unit.#unit;
    twin.write32(registers, "cr2", 2);
    twin.write64(registers, "strtabBase", unit.#streams);
    twin.write32(registers, "strtabBaseCfg", streamsLg2);
    twin.write64(registers, "cmdqBase", unit.#commands + queueLg2);
    twin.write64(registers, "eventqBase", unit.#events + queueLg2);
    twin.write32(registers, "cr0", 0xd);
    await twin.settle();
    return unit;
  }

  get caches() {
    return this.#unit.caches;
  }

  get transaction() {
    return this.#unit.transactions[0]!;
  }

  domain(): Domain {
    const { twin } = this;
    const address = twin.allocate() * 4096;
    const tag = this.#contexts.size + 1;
    const root: TableRoot = {
      ...{ format: "smmu-s1-4k", address, level: 3, inputBits: 48, upper: "zero", outputBits: 44, allow: 3 },
    };
    const context = twin.allocate() * 4096;
    this.#contexts.set(tag, context);
    const values = { v: 1, aa64: 1, a: 1, r: 1, aset: 1, ips: 4, t0sz: 16, epd1: 1, asid: tag, ttb0: address / 16 };
    this.#put(context, 16, Cd, values);
    return { mapper: twin.mapper(root), tag };
  }

  /** A stream that points at nothing is refused without a word (5.2, Config 0). */
  attach(requester: number, domain: Domain | null): void {
    const config = domain === null ? 0 : 5;
    const s1Context = domain === null ? 0 : this.#contexts.get(domain.tag)! / 64;
    this.#put(this.entryAt(requester), 16, Ste, { v: 1, config, s1Context });
  }

  /** One page by its address, more by a range of granules. */
  forgetPages(domain: Domain, frame: number, lg2: number): void {
    const range = lg2 === 0 ? {} : { tg: 1, scale: lg2 };
    this.#post(C.NhVa, { op: C.Command.nhVa, asid: domain.tag, page: frame, leaf: 1, ...range });
  }

  forgetDomain(domain: Domain): void {
    this.#post(C.NhAsid, { op: C.Command.nhAsid, asid: domain.tag });
  }

  forgetDevice(requester: number, domain: Domain): void {
    this.#post(C.SteInvalidate, { op: C.Command.ste, sid: requester, leaf: 1 });
    this.forgetDomain(domain);
  }

  forgetAll(): void {
    this.#post(C.SteRangeInvalidate, { op: C.Command.steRange, range: 31 });
    this.#post(C.NsnhAll, { op: C.Command.nsnhAll });
  }

  ring(): void {
    for (const act of this.asking(this.#posted.splice(0))) this.twin.perform(act, this.registers);
    this.work();
  }

  get registers() {
    return this.#unit.registers;
  }

  /** Our unit does what it was asked to do. */
  work(): void {
    while (this.#unit.queue.choices() > 0) this.#unit.queue.step();
  }

  /** What software does to have commands carried out: they stand in the queue, a CMD_SYNC behind them, and PROD says so. */
  asking(commands: readonly Uint32Array[]): Act[] {
    const stores = [...commands, composed(4, [[C.Sync.op, C.Command.sync]])].map((words) => {
      const address = this.#commands + (this.#produced % 2 ** queueLg2) * 16;
      this.#produced = (this.#produced + 1) % 2 ** (queueLg2 + 1);
      return { kind: "store", address, words } as const;
    });
    return [...stores, { kind: "register", offset: at.cmdqProd.offset, value: this.#produced, bits: 32 }];
  }

  /** Where a stream's entry stands. */
  entryAt(requester: number): number {
    return this.#streams + requester * steBytes;
  }

  /** Address of the stream table. */
  get root(): number {
    return this.#streams;
  }

  async progress(): Promise<[string, string]> {
    const names = ["cmdqCons", "gerror"] as const;
    const ours = names.map((name) => this.#unit.registers.get(name));
    const qemu = await this.twin.ask32(names.map((name) => at[name].offset));
    return [`CMDQ_CONS ${ours[0]}, GERROR ${ours[1]}`, `CMDQ_CONS ${qemu[0]}, GERROR ${qemu[1]}`];
  }

  ourFaults(): string[] {
    const { registers } = this.#unit;
    const words = new Uint32Array(eventRecordBytes / 4);
    // Its queue may have been taken back with the rest of its state.
    const produced = registers.get("eventqProd");
    const texts: string[] = [];
    for (let n = registers.get("eventqCons"); n !== produced; n = (n + 1) % 2 ** (queueLg2 + 1)) {
      this.twin.memory.load(this.#eventAt(n), words);
      texts.push(textOf(words));
    }
    registers.write32(at.eventqCons.offset, produced);
    return texts;
  }

  /** QEMU's unit meets 8 bytes as two accesses of 4, so that one refusal may be recorded twice. */
  get qemuFaults(): FaultReader {
    const { twin } = this;
    return {
      ask: [twin.asking(at.eventqProd.offset, 32)],
      taken: ([answer]) => {
        const produced = Number(answer);
        const texts = new Set<string>();
        for (; this.#consumed !== produced; this.#consumed = (this.#consumed + 1) % 2 ** (queueLg2 + 1))
          texts.add(textOf(twin.qemuWords(this.#eventAt(this.#consumed), eventRecordBytes / 4)));
        return { texts: [...texts], tell: texts.size === 0 ? [] : [twin.telling32(at.eventqCons.offset, produced)] };
      },
    };
  }

  #eventAt(n: number): number {
    return this.#events + (n % 2 ** queueLg2) * eventRecordBytes;
  }

  #put<L extends object>(address: number, count: number, layout: L, values: Readonly<Record<string, number>>): void {
    this.twin.store(address, count, (w) => {
      for (const [name, value] of Object.entries(values)) write(w, 0, layout[name as keyof L] as Field, value);
    });
  }

  #post<L extends object>(layout: L, values: Readonly<Record<string, number>>): void {
    const words = new Uint32Array(4);
    for (const [name, value] of Object.entries(values)) write(words, 0, layout[name as keyof L] as Field, value);
    this.#posted.push(words);
  }
}

/** The words of a record; of the address not which half of 8 bytes. */
function textOf(words: Uint32Array): string {
  const w = words.slice();
  w[4]! &= ~7;
  return `event 0x${read(w, 0, EventRecord.id).toString(16)} ${[...w].map((v) => v.toString(16)).join(" ")}`;
}
