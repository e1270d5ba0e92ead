/** Software of a VT-d unit, as small as can be: tables in memory, registers by offset, descriptors in a queue. */
import { read, write } from "../../../src/bits/field.js";
import { AddressType, type DmaRequest, type Resolution } from "../../../src/hw/iommu/core/request.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import { VtdUnit, type VtdUnitOptions } from "../../../src/hw/iommu/vtd/vtd_unit.js";
import { Memory } from "../../../src/mem/memory.js";
import { ContextEntry, ScalableContextEntry } from "../../../src/spec/vtd/context_entry.js";
import * as D from "../../../src/spec/vtd/descriptors.js";
import { FaultRecord } from "../../../src/spec/vtd/fault_record.js";
import { PasidDirectoryEntry, PasidEntry } from "../../../src/spec/vtd/pasid.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { RootEntry } from "../../../src/spec/vtd/root_entry.js";
import { MachineState } from "../../../src/state/machine_state.js";
import { Mapper, type TableRoot } from "../../../src/table/index.js";

const { registers: at } = vtdRegisters;
export const frames = 4096;
/** CAP and ECAP of QEMU's unit with 48 bits and device TLBs; in scalable mode with both stages, nesting and PASIDs of 20 bits. */
export const capability = [0x222f_0606, 0x80d2_008c] as const;
export const legacyAbilities = [0x0000_0f46, 0] as const;
export const scalableAbilities = [0x0400_0f46, 0xc998] as const;

export class VtdSoftware {
  readonly memory: Memory;
  readonly state: MachineState;
  readonly unit: VtdUnit;
  readonly sent: { readonly address: number; readonly data: number }[] = [];
  readonly isScalable: boolean;
  readonly #root: number;
  #next = 16;
  #tail = 0;
  readonly #queue: number;
  readonly statusAt: number;

  constructor(o: Partial<VtdUnitOptions> & { readonly scalable?: boolean } = {}) {
    this.memory = o.memory ?? new Memory(frames);
    this.state = o.state ?? new MachineState();
    this.isScalable = o.scalable ?? false;
    this.#root = this.frame();
    this.#queue = this.frame();
    this.statusAt = this.frame() * 4096;
    this.unit = new VtdUnit({
      capability,
      extendedCapability: this.isScalable ? scalableAbilities : legacyAbilities,
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

  /** Root pointer, queue and translation on. */
  start(): this {
    const { registers } = this.unit;
    registers.write64(at.rtaddr.offset, this.#root * 4096 + (this.isScalable ? 0x400 : 0), 0);
    registers.write32(at.gcmd.offset, 0x4000_0000);
    registers.write64(at.iqa.offset, this.#queue * 4096, 0);
    registers.write32(at.gcmd.offset, 0x0400_0000);
    registers.write32(at.gcmd.offset, 0x8400_0000);
    return this;
  }

  /** A second-stage table of four levels. */
  domain(format: "vtd-ss" | "vtd-fs" = "vtd-ss"): Mapper {
    const root: TableRoot = {
      ...{ format, address: this.frame() * 4096, level: 3, inputBits: 48, outputBits: 46, allow: 3 },
      upper: format === "vtd-ss" ? "zero" : "sign",
    };
    return new Mapper(this.memory, root, () => this.frame());
  }

  /** Legacy mode: point a device at a table. */
  attach(
    requester: number,
    o: { readonly table: number; readonly did: number; readonly tt?: number; readonly p?: 0 | 1 },
  ): void {
    this.store(this.#contextAt(requester), 4, (w) => {
      write(w, 0, ContextEntry.p, o.p ?? 1);
      write(w, 0, ContextEntry.tt, o.tt ?? 0);
      write(w, 0, ContextEntry.frame, o.table / 4096);
      write(w, 0, ContextEntry.aw, 2);
      write(w, 0, ContextEntry.did, o.did);
    });
  }

  /** Scalable mode: a device's directory of PASIDs, with one table in it. @returns byte address of the PASID table */
  attachPasids(requester: number, o: { readonly ats?: boolean } = {}): number {
    const [directory, table] = [this.frame(), this.frame()];
    this.store(directory * 4096, 2, (w) => {
      write(w, 0, PasidDirectoryEntry.p, 1);
      write(w, 0, PasidDirectoryEntry.frame, table);
    });
    this.store(this.#scalableContextAt(requester), 8, (w) => {
      write(w, 0, ScalableContextEntry.p, 1);
      write(w, 0, ScalableContextEntry.paside, 1);
      write(w, 0, ScalableContextEntry.dte, o.ats === true ? 1 : 0);
      write(w, 0, ScalableContextEntry.frame, directory);
    });
    return table * 4096;
  }

  /** One PASID of such a table. */
  setPasid(
    table: number,
    pasid: number,
    o: { readonly first?: number; readonly second?: number; readonly did: number; readonly p?: 0 | 1 },
  ): void {
    this.store(table + pasid * 64, 16, (w) => {
      write(w, 0, PasidEntry.p, o.p ?? 1);
      write(
        w,
        0,
        PasidEntry.pgtt,
        o.first === undefined ? (o.second === undefined ? 4 : 2) : o.second === undefined ? 1 : 3,
      );
      write(w, 0, PasidEntry.aw, 2);
      write(w, 0, PasidEntry.did, o.did);
      if (o.second !== undefined) write(w, 0, PasidEntry.ssFrame, o.second / 4096);
      if (o.first !== undefined) write(w, 0, PasidEntry.fsFrame, o.first / 4096);
    });
  }

  /** Post a descriptor; `ring` tells of it. */
  post(set: (w: Uint32Array) => void): this {
    this.store(this.#queue * 4096 + this.#tail, 4, set);
    this.#tail = (this.#tail + 16) % 4096;
    return this;
  }

  iotlb(
    g: number,
    o: { readonly did?: number; readonly page?: number; readonly am?: number; readonly ih?: 0 | 1 } = {},
  ): this {
    const I = D.IotlbInvalidate;
    return this.post((w) => {
      write(w, 0, I.type, D.DescriptorType.iotlb);
      write(w, 0, I.g, g);
      write(w, 0, I.did, o.did ?? 0);
      write(w, 0, I.page, (o.page ?? 0) as never);
      write(w, 0, I.am, o.am ?? 0);
      write(w, 0, I.ih, o.ih ?? 0);
    });
  }

  context(g: number, o: { readonly did?: number; readonly sid?: number } = {}): this {
    const I = D.ContextInvalidate;
    return this.post((w) => {
      write(w, 0, I.type, D.DescriptorType.context);
      write(w, 0, I.g, g);
      write(w, 0, I.did, o.did ?? 0);
      write(w, 0, I.sid, o.sid ?? 0);
    });
  }

  deviceTlb(sid: number, o: { readonly page?: number; readonly s?: 0 | 1 } = {}): this {
    const I = D.DeviceTlbInvalidate;
    return this.post((w) => {
      write(w, 0, I.type, D.DescriptorType.deviceTlb);
      write(w, 0, I.sid, sid);
      write(w, 0, I.page, (o.page ?? 0) as never);
      write(w, 0, I.s, o.s ?? 0);
    });
  }

  wait(data: number, o: { readonly sw?: 0 | 1; readonly if?: 0 | 1 } = { sw: 1 }): this {
    const I = D.InvalidationWait;
    return this.post((w) => {
      write(w, 0, I.type, D.DescriptorType.wait);
      write(w, 0, I.sw, o.sw ?? 0);
      write(w, 0, I.if, o.if ?? 0);
      write(w, 0, I.data, data);
      write(w, 0, I.at, this.statusAt);
    });
  }

  /** Ring the doorbell, and let the queue work until it has nothing to do. */
  ring(): void {
    this.unit.registers.write64(at.iqt.offset, this.#tail, 0);
    this.work();
  }

  work(): void {
    while (this.unit.queue.choices() > 0) this.unit.queue.step();
  }

  get status(): number {
    return this.memory.load32(this.statusAt);
  }

  dma(requester: number, address: number, o: Partial<Pick<DmaRequest, "write" | "pasid" | "type">> = {}): Resolution {
    const frame = Math.floor(address / 4096);
    const request = {
      requester,
      pasid: null,
      frame,
      offset: address % 4096,
      write: false,
      type: AddressType.untranslated,
      ...o,
    };
    return resolve(this.unit.transactions[0]!, request, () => 0);
  }

  /** The fault that is recorded, and taken off the record; null when none is. */
  fault(): { readonly reason: number; readonly sid: number; readonly page: number; readonly read: number } | null {
    const { registers } = this.unit;
    const words = new Uint32Array(4);
    registers.read64(at.fault.offset, words.subarray(0, 2));
    registers.read64(at.faultHigh.offset, words.subarray(2));
    if (read(words, 0, FaultRecord.f) === 0) return null;
    registers.write64(at.faultHigh.offset, 0, 0x8000_0000);
    return {
      reason: read(words, 0, FaultRecord.reason),
      sid: read(words, 0, FaultRecord.sid),
      page: read(words, 0, FaultRecord.page),
      read: read(words, 0, FaultRecord.t1),
    };
  }

  store(at: number, wordCount: number, set: (w: Uint32Array) => void): void {
    const words = new Uint32Array(wordCount);
    set(words);
    this.memory.store(at, words);
  }

  #contextAt(requester: number): number {
    return this.#below(this.#root * 4096 + (requester >>> 8) * 16) + (requester & 0xff) * 16;
  }

  #scalableContextAt(requester: number): number {
    const half = (requester & 0x80) === 0 ? 0 : 8;
    return this.#below(this.#root * 4096 + (requester >>> 8) * 16 + half) + (requester & 0x7f) * 32;
  }

  /** The table that a root entry's half points to; made when there is none. */
  #below(at: number): number {
    const words = new Uint32Array(2);
    this.memory.load(at, words);
    if (read(words, 0, RootEntry.p) === 0) {
      write(words, 0, RootEntry.p, 1);
      write(words, 0, RootEntry.frame, this.frame() as never);
      this.memory.store(at, words);
    }
    return read(words, 0, RootEntry.frame) * 4096;
  }
}
