/** Software of an AMD-Vi unit, as small as can be: tables in memory, registers by offset, commands in a buffer. */
import { read, write } from "../../../src/bits/field.js";
import { AmdviUnit, type AmdviUnitOptions } from "../../../src/hw/iommu/amdvi/amdvi_unit.js";
import { AddressType, type DmaRequest, type Resolution } from "../../../src/hw/iommu/core/request.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import { Memory } from "../../../src/mem/memory.js";
import * as C from "../../../src/spec/amdvi/commands.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { EventRecord } from "../../../src/spec/amdvi/event_record.js";
import { Gcr3Entry } from "../../../src/spec/amdvi/guest_cr3.js";
import { amdviRegisters } from "../../../src/spec/amdvi/register_map.js";
import { Control, ExtendedFeatures } from "../../../src/spec/amdvi/registers.js";
import { MachineState } from "../../../src/state/machine_state.js";
import { Mapper, type TableRoot } from "../../../src/table/index.js";

const { registers: at } = amdviRegisters;
const frames = 4096;
/** Entries of both rings. */
const ringEntries = 256;

/** EFR of a unit with guest tables, PASIDs of 16 bits, prefetch, page requests and INVALIDATE_IOMMU_ALL. */
export const features = ((): [number, number] => {
  const efr = new Uint32Array(2);
  for (const f of [ExtendedFeatures.preFSup, ExtendedFeatures.pprSup, ExtendedFeatures.gtSup, ExtendedFeatures.iaSup])
    write(efr, 0, f, 1);
  write(efr, 0, ExtendedFeatures.hats, 2);
  write(efr, 0, ExtendedFeatures.glxSup, 2);
  write(efr, 0, ExtendedFeatures.pasMax, 15);
  return [efr[0]!, efr[1]!];
})();

type Controls = Partial<Record<keyof typeof Control & string, number>>;
const on = { iommuEn: 1, eventLogEn: 1, cmdBufEn: 1, gtEn: 1 } satisfies Controls;

/** What is said of a device in its entry. */
export type Entry = Partial<
  Record<"v" | "tv" | "mode" | "ir" | "iw" | "did" | "i" | "se" | "sa" | "giov" | "glx", number>
> & { readonly table?: number; readonly gcr3?: number };

export class AmdviSoftware {
  readonly memory: Memory;
  readonly state: MachineState;
  readonly unit: AmdviUnit;
  readonly sent: { readonly address: number; readonly data: number }[] = [];
  readonly devtab: number;
  readonly commandsAt: number;
  readonly eventsAt: number;
  readonly statusAt: number;
  #next = 16;
  #tail = 0;
  #eventHead = 0;

  constructor(o: Partial<AmdviUnitOptions> = {}) {
    this.memory = o.memory ?? new Memory(frames);
    this.state = o.state ?? new MachineState();
    this.devtab = this.frame() * 4096;
    // Entries of the device ids below 256: two frames.
    this.frame();
    this.commandsAt = this.frame() * 4096;
    this.eventsAt = this.frame() * 4096;
    this.statusAt = this.frame() * 4096;
    this.unit = new AmdviUnit({
      features,
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

  /** Device table, rings, and the unit on. */
  start(also: Controls = {}): this {
    const { registers } = this.unit;
    registers.write64(at.devtab.offset, this.devtab + 1, 0);
    registers.write64(at.cmdbuf.offset, this.commandsAt, 0x0800_0000);
    registers.write64(at.evtlog.offset, this.eventsAt, 0x0800_0000);
    return this.control({ ...on, ...also });
  }

  /** Write CONTROL: what is named, the rest as it stands. */
  control(set: Controls): this {
    const words = new Uint32Array(2);
    this.unit.registers.read64(at.control.offset, words);
    for (const [name, value] of Object.entries(set)) write(words, 0, Control[name as "iommuEn"], value as 0 | 1);
    this.unit.registers.write64(at.control.offset, words[0]!, words[1]!);
    return this;
  }

  /** A host table of four levels, or a guest table. */
  domain(format: "amdvi-v1" | "amdvi-v2" = "amdvi-v1"): Mapper {
    const root: TableRoot = {
      ...{ format, address: this.frame() * 4096, level: 3, inputBits: 48, outputBits: 48, allow: 3 },
      upper: format === "amdvi-v1" ? "zero" : "sign",
    };
    return new Mapper(this.memory, root, () => this.frame());
  }

  /** Store a device's entry. Valid, with reads and writes, unless it says otherwise. */
  attach(requester: number, { table, gcr3, ...rest }: Entry): void {
    this.store(this.devtab + requester * 32, 8, (w) => {
      const mode = table === undefined ? 0 : 4;
      for (const [name, value] of Object.entries({ v: 1, tv: 1, ir: 1, iw: 1, mode, ...rest }))
        write(w, 0, DeviceEntry[name as "did"], value);
      if (table !== undefined) write(w, 0, DeviceEntry.frame, (table / 4096) as never);
      if (gcr3 === undefined) return;
      write(w, 0, DeviceEntry.gv, 1);
      write(w, 0, DeviceEntry.gcr3Low, (gcr3 / 4096) % 8);
      write(w, 0, DeviceEntry.gcr3Middle, Math.floor(gcr3 / 4096 / 8));
    });
  }

  /** A GCR3 table of one level with some PASIDs. @returns its byte address */
  gcr3(tables: Readonly<Record<number, number>>, table = this.frame() * 4096): number {
    for (const [pasid, top] of Object.entries(tables)) {
      this.store(table + Number(pasid) * 8, 2, (w) => {
        write(w, 0, Gcr3Entry.v, 1);
        write(w, 0, Gcr3Entry.frame, (top / 4096) as never);
      });
    }
    return table;
  }

  /** Post a command; `ring` tells of it. */
  post(set: (w: Uint32Array) => void): this {
    this.store(this.commandsAt + this.#tail * 16, 4, set);
    this.#tail = (this.#tail + 1) % ringEntries;
    return this;
  }

  pages(did: number, o: { page?: number; s?: 0 | 1; pde?: 0 | 1; pasid?: number } = {}): this {
    const I = C.InvalidatePages;
    return this.post((w) => {
      write(w, 0, I.opcode, C.Opcode.invalidatePages);
      write(w, 0, I.did, did);
      write(w, 0, I.page, (o.page ?? 0x7_ffff_ffff_ffff) as never);
      write(w, 0, I.s, o.s ?? (o.page === undefined ? 1 : 0));
      write(w, 0, I.pde, o.pde ?? 0);
      write(w, 0, I.gn, o.pasid === undefined ? 0 : 1);
      write(w, 0, I.pasid, o.pasid ?? 0);
    });
  }

  device(requester: number): this {
    return this.post((w) => {
      write(w, 0, C.InvalidateDevice.opcode, C.Opcode.invalidateDevice);
      write(w, 0, C.InvalidateDevice.device, requester);
    });
  }

  deviceTlb(requester: number, o: { page: number; s?: 0 | 1; maxPend?: number; queue?: number; pasid?: number }): this {
    const I = C.InvalidateDeviceTlb;
    return this.post((w) => {
      write(w, 0, I.opcode, C.Opcode.invalidateDeviceTlb);
      write(w, 0, I.device, requester);
      write(w, 0, I.queue, o.queue ?? requester);
      write(w, 0, I.maxPend, o.maxPend ?? 32);
      write(w, 0, I.page, o.page as never);
      write(w, 0, I.s, o.s ?? 0);
      if (o.pasid === undefined) return;
      write(w, 0, I.gn, 1);
      write(w, 0, I.pasidLow, o.pasid & 255);
      write(w, 0, I.pasidMiddle, (o.pasid >>> 8) & 255);
      write(w, 0, I.pasidHigh, o.pasid >>> 16);
    });
  }

  all(): this {
    return this.post((w) => write(w, 0, C.InvalidateAll.opcode, C.Opcode.invalidateAll));
  }

  /** A completion wait that stores; `high` is the data's upper half. */
  wait(data: number, o: { s?: 0 | 1; i?: 0 | 1; f?: 0 | 1; high?: number; at?: number } = {}): this {
    const I = C.CompletionWait;
    return this.post((w) => {
      write(w, 0, I.opcode, C.Opcode.completionWait);
      write(w, 0, I.s, o.s ?? 1);
      write(w, 0, I.i, o.i ?? 0);
      write(w, 0, I.f, o.f ?? 0);
      write(w, 0, I.at, (o.at ?? this.statusAt) / 8);
      write(w, 0, I.dataLow, data);
      write(w, 0, I.dataHigh, o.high ?? 0);
    });
  }

  /** Ring the doorbell, and let the processor work until it has nothing to do. */
  ring(): this {
    this.unit.registers.write64(at.cmdTail.offset, this.#tail * 16, 0);
    return this.work();
  }

  work(): this {
    while (this.unit.queue.choices() > 0) this.unit.queue.step(0);
    return this;
  }

  get status(): number {
    return this.memory.load32(this.statusAt);
  }

  get unitStatus(): number {
    return this.unit.registers.get("status");
  }

  dma(requester: number, address: number, o: Partial<Pick<DmaRequest, "write" | "pasid" | "type">> = {}): Resolution {
    const [frame, offset] = [Math.floor(address / 4096), address % 4096];
    const request = { requester, pasid: null, frame, offset, write: false, type: AddressType.untranslated, ...o };
    return resolve(this.unit.transactions[0]!, request, () => 0);
  }

  /** Records that came since the last look, and off the log with them. */
  events(): readonly {
    readonly code: number;
    readonly device: number;
    readonly pasidOrDomain: number;
    readonly flags: number;
    readonly address: number;
  }[] {
    const tail = this.unit.registers.get("evtTail") / 16;
    const seen = [];
    const w = new Uint32Array(4);
    for (; this.#eventHead !== tail; this.#eventHead = (this.#eventHead + 1) % ringEntries) {
      this.memory.load(this.eventsAt + this.#eventHead * 16, w);
      seen.push({
        code: read(w, 0, EventRecord.code),
        device: read(w, 0, EventRecord.device),
        pasidOrDomain: read(w, 0, EventRecord.pasidOrDomain),
        flags: read(w, 0, EventRecord.flags),
        address: read(w, 0, EventRecord.addressHigh) * 2 ** 32 + read(w, 0, EventRecord.addressLow),
      });
    }
    this.unit.registers.write64(at.evtHead.offset, tail * 16, 0);
    return seen;
  }

  store(at: number, wordCount: number, set: (w: Uint32Array) => void): void {
    const words = new Uint32Array(wordCount);
    set(words);
    this.memory.store(at, words);
  }
}
