/** Software of an SMMUv3, as small as can be: tables in memory, registers by offset, commands in a queue. */
import { type Field, read, write } from "../../../src/bits/field.js";
import { AddressType, type DmaRequest, type Resolution } from "../../../src/hw/iommu/core/request.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import { SmmuUnit, type SmmuUnitOptions } from "../../../src/hw/iommu/smmuv3/smmu_unit.js";
import { Memory } from "../../../src/mem/memory.js";
import * as C from "../../../src/spec/smmuv3/command_layouts.js";
import { ContextDescriptor as Cd } from "../../../src/spec/smmuv3/context_descriptor.js";
import { EventRecord } from "../../../src/spec/smmuv3/event_record.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { Idr0, Idr1, Idr3, Idr5 } from "../../../src/spec/smmuv3/registers.js";
import { L1StreamDescriptor, StreamEntry as Ste } from "../../../src/spec/smmuv3/stream_table.js";
import { MachineState } from "../../../src/state/machine_state.js";
import { Mapper, type TableRoot } from "../../../src/table/index.js";

const { registers: at } = smmuRegisters;
export const frames = 4096;

type Values<L> = { readonly [K in keyof L]?: number };

function word(values: readonly (readonly [Field, number])[]): number {
  const w = new Uint32Array(1);
  for (const [field, value] of values) write(w, 0, field, value);
  return w[0]!;
}

/** Both stages, ATS, page requests, messages, stalls, EL2 streams, substreams of 8 bits, ranges. */
export const identification = (o: Values<typeof Idr0> = {}) => ({
  idr0: word([
    ...([Idr0.s1p, Idr0.s2p, Idr0.cohacc, Idr0.hyp, Idr0.ats, Idr0.asid16, Idr0.msi, Idr0.sev, Idr0.pri] as const).map(
      (f) => [f, 1] as const,
    ),
    ...([Idr0.vmw, Idr0.vmid16, Idr0.cd2l, Idr0.stLevel] as const).map((f) => [f, 1] as const),
    ...Object.entries(o).map(([name, value]) => [Idr0[name as "ats"], value!] as const),
  ]),
  idr1: word([
    [Idr1.sidSize, 16],
    [Idr1.ssidSize, 8],
    [Idr1.cmdqs, 8],
    [Idr1.eventqs, 8],
  ]),
  idr3: word([
    [Idr3.had, 1],
    [Idr3.ril, 1],
    [Idr3.bbml, 2],
  ]),
  idr5: word([
    [Idr5.oas, 4],
    [Idr5.gran4k, 1],
    [Idr5.gran16k, 1],
    [Idr5.gran64k, 1],
  ]),
});

export interface SoftwareOptions extends Partial<SmmuUnitOptions> {
  readonly twoLevel?: boolean;
  /** log2 of the entries of both queues. Default 4. */
  readonly queueLg2?: number;
}

export class SmmuSoftware {
  readonly memory: Memory;
  readonly state: MachineState;
  readonly unit: SmmuUnit;
  readonly sent: { readonly address: number; readonly data: number }[] = [];
  readonly commandsAt: number;
  readonly eventsAt: number;
  readonly #streams: number;
  readonly #twoLevel: boolean;
  readonly #queueLg2: number;
  #next = 16;
  #produced = 0;
  #consumed = 0;

  constructor(o: SoftwareOptions = {}) {
    this.memory = o.memory ?? new Memory(frames);
    this.state = o.state ?? new MachineState();
    this.#twoLevel = o.twoLevel ?? false;
    this.#queueLg2 = o.queueLg2 ?? 4;
    this.#streams = this.frame() * 4096;
    this.commandsAt = this.frame() * 4096;
    this.eventsAt = this.frame() * 4096;
    this.unit = new SmmuUnit({
      identification: identification(),
      messages: { send: (address, data) => this.sent.push({ address, data }) },
      ...o,
      memory: this.memory,
      state: this.state,
    });
  }

  /** A frame of zeros. */
  frame(): number {
    this.memory.store32(this.#next * 4096, 0);
    return this.#next++;
  }

  /** Frames beside each other, aligned to their number. */
  frames(count: number): number {
    while (this.#next % count !== 0) this.#next++;
    const first = this.#next;
    for (let n = 0; n < count; n++) this.frame();
    return first;
  }

  /** Stream table of 64 streams, queues and translation on. */
  start(cr0 = 0): this {
    const { registers } = this.unit;
    registers.write32(at.cr2.offset, 2);
    registers.write64(at.strtabBase.offset, this.#streams, 0);
    registers.write32(at.strtabBaseCfg.offset, this.#twoLevel ? 0x1_0000 | (6 << 6) | 8 : 6);
    registers.write64(at.cmdqBase.offset, this.commandsAt + this.#queueLg2, 0);
    registers.write64(at.eventqBase.offset, this.eventsAt + this.#queueLg2, 0);
    registers.write32(at.cr0.offset, 0xd | cr0);
    return this;
  }

  /** A first-stage table of four levels. */
  first(): Mapper {
    const root: TableRoot = {
      ...{ format: "smmu-s1-4k", address: this.frame() * 4096, level: 3, inputBits: 48, outputBits: 44, allow: 3 },
      upper: "zero",
    };
    return new Mapper(this.memory, root, () => this.frame());
  }

  /** A second-stage table of three levels, 39 bits of input. */
  second(): Mapper {
    const root: TableRoot = {
      ...{ format: "smmu-s2-4k", address: this.frame() * 4096, level: 2, inputBits: 39, outputBits: 44, allow: 3 },
      upper: "zero",
    };
    return new Mapper(this.memory, root, () => this.frame());
  }

  /** The address of a stream's entry; its table is made when there is none. */
  entryAt(stream: number): number {
    if (!this.#twoLevel) return this.#streams + stream * 64;
    const at = this.#streams + Math.floor(stream / 64) * 8;
    const words = new Uint32Array(2);
    this.memory.load(at, words);
    if (read(words, 0, L1StreamDescriptor.span) === 0) {
      write(words, 0, L1StreamDescriptor.span, 7);
      write(words, 0, L1StreamDescriptor.l2, (this.frame() * 4096) / 64);
      this.memory.store(at, words);
    }
    return read(words, 0, L1StreamDescriptor.l2) * 64 + (stream % 64) * 64;
  }

  /** @param o fields of the entry; V is 1 where nothing else is said */
  stream(stream: number, o: Values<typeof Ste>): void {
    this.store(this.entryAt(stream), 16, (w) => put(w, Ste, { v: 1, ...o }));
  }

  /** A table of `2^lg2` context descriptors. @returns its address */
  contexts(lg2 = 0): number {
    return this.frames(Math.max(1, 2 ** lg2 / 64)) * 4096;
  }

  /** A context descriptor for a table of `first()`. */
  context(at: number, table: Mapper, o: Values<typeof Cd> = {}): void {
    this.store(at, 16, (w) =>
      put(w, Cd, {
        ...{ v: 1, aa64: 1, a: 1, r: 1, aset: 1, ips: 4, t0sz: 16, epd1: 1, ttb0: table.root.address / 16 },
        ...o,
      }),
    );
  }

  /** A stream with one first-stage table. @returns the address of its context descriptor */
  attach(stream: number, table: Mapper, o: Values<typeof Cd> = {}, more: Values<typeof Ste> = {}): number {
    const contexts = this.contexts();
    this.context(contexts, table, o);
    this.stream(stream, { config: 5, s1Context: contexts / 64, ...more });
    return contexts;
  }

  /** The fields of a stream's entry that name a table of `second()`. */
  secondOf(table: Mapper, vmid: number): Values<typeof Ste> {
    return {
      ...{ s2T0sz: 25, s2Sl0: 1, s2Ps: 4, s2Aa64: 1, s2R: 1 },
      ...{ s2Vmid: vmid, s2Ttb: table.root.address / 16 },
    };
  }

  /** Post a command; `ring` tells of it. */
  post<L extends object>(layout: L, op: number, o: Values<Omit<L, "$" | "op">> = {}): this {
    return this.raw((w) => put(w, layout, { op, ...o } as Values<L>));
  }

  raw(set: (w: Uint32Array) => void): this {
    this.store(this.commandsAt + (this.#produced % 2 ** this.#queueLg2) * 16, 4, set);
    this.#produced = (this.#produced + 1) % 2 ** (this.#queueLg2 + 1);
    return this;
  }

  sync(o: Values<Omit<typeof C.Sync, "$" | "op">> = {}): this {
    return this.post(C.Sync, C.Command.sync, o);
  }

  /** Ring the doorbell, and let the queue work until it has nothing to do. */
  ring(): void {
    this.unit.registers.write32(at.cmdqProd.offset, this.#produced);
    this.work();
  }

  work(): void {
    for (let steps = 0; this.unit.queue.choices() > 0; steps++) {
      if (steps > 10_000) throw new Error("the queue comes to no end");
      this.unit.queue.step();
    }
  }

  /** Commands that are not yet consumed. */
  get left(): number {
    const cons = this.unit.registers.get("cmdqCons") & 0xf_ffff;
    return (this.#produced - cons + 2 ** (this.#queueLg2 + 1)) % 2 ** (this.#queueLg2 + 1);
  }

  /** Why the queue stopped; 0 while it works. */
  get error(): number {
    const { registers } = this.unit;
    return ((registers.get("gerror") ^ registers.get("gerrorn")) & 1) === 0 ? 0 : registers.get("cmdqCons") >>> 24;
  }

  /** Acknowledge all global errors. */
  acknowledge(): void {
    this.unit.registers.write32(at.gerrorn.offset, this.unit.registers.get("gerror"));
    this.work();
  }

  dma(requester: number, address: number | bigint, o: Partial<DmaRequest> = {}): Resolution {
    return resolve(this.unit.transactions[0]!, this.request(requester, address, o), () => 0);
  }

  request(requester: number, address: number | bigint, o: Partial<DmaRequest> = {}): DmaRequest {
    const [frame, offset] = [Number(BigInt(address) >> 12n), Number(BigInt(address) & 0xfffn)];
    return { requester, pasid: null, frame, offset, write: false, type: AddressType.untranslated, ...o };
  }

  /** The oldest event, taken off the queue; null when there is none. */
  event(): Record<string, number> | null {
    const { registers } = this.unit;
    const size = 2 ** this.#queueLg2;
    if ((registers.get("eventqProd") - this.#consumed) % (2 * size) === 0) return null;
    const words = new Uint32Array(8);
    this.memory.load(this.eventsAt + (this.#consumed % size) * 32, words);
    this.#consumed = (this.#consumed + 1) % (2 * size);
    const overflow = registers.get("eventqProd") & 0x8000_0000;
    registers.write32(at.eventqCons.offset, (this.#consumed | overflow) >>> 0);
    const fields = EventRecord.$.fields.map((f) => [f.name, read(words, 0, f)] as const);
    return Object.fromEntries(fields.filter(([, value]) => value !== 0));
  }

  store(at: number, wordCount: number, set: (w: Uint32Array) => void): void {
    const words = new Uint32Array(wordCount);
    set(words);
    this.memory.store(at, words);
  }
}

function put<L extends object>(w: Uint32Array, layout: L, values: Values<L>): void {
  for (const [name, value] of Object.entries(values)) write(w, 0, layout[name as keyof L] as Field, value as number);
}
