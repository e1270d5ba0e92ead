/**
 * A kernel's driver of an SMMUv3 with tables of 4 KiB, of its first stage or of its second: stream table, context descriptors,
 * queues.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_device_reset, arm_smmu_make_s1_cd,
 * arm_smmu_make_cdtable_ste, arm_smmu_tlb_inv_range_domain, arm_smmu_atc_inv_domain: devices are asked when the unit itself
 * has forgotten). It wants a unit of today: two-level stream tables, coherent walks, messages, invalidation of ranges.
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes } from "../../../base/frame.js";
import { type Field, read, write } from "../../../bits/field.js";
import { ContextDescriptor } from "../../../spec/smmuv3/context_descriptor.js";
import { Cr2, InterruptControl } from "../../../spec/smmuv3/control_registers.js";
import { smmuRegisters } from "../../../spec/smmuv3/register_map.js";
import { addressBits, Cr0, Idr0, Idr3, Idr5 } from "../../../spec/smmuv3/registers.js";
import { DefaultSubstream, StreamConfig, StreamEntry } from "../../../spec/smmuv3/stream_table.js";
import { Allow, type TableRoot } from "../../../table/index.js";
import { allFrames, type Covering, covering } from "../covering.js";
import type { DomainFlushes, UnitPorts } from "../ports.js";
import {
  type AttachedDevice,
  isNested,
  type LedTo,
  type Submitted,
  type UnitDomain,
  type UnitDriver,
  type UnitDriverOptions,
  type UnitFault,
} from "../unit_driver.js";
import { CommandQueue } from "./command_queue.js";
import * as command from "./commands.js";
import { EventReader } from "./event_reader.js";
import { rangeCommands } from "./ranges.js";
import { entryWords, replaceEntry, StreamTable } from "./stream_table.js";

const { idr0, idr3, idr5, cr0, cr0ack, cr2, irqCtrl } = smmuRegisters.registers;
const inputBits = 48;
/** Of walks and of what they read: inner shareable, written back, as processors have it. */
const cached = { shareability: 3, writeBack: 1 } as const;
/** STE.EATS: translation requests are answered. */
const fullAts = 1;
/** STE.S2SL0, with pages of 4 KiB. */
const fourLevels = 2;
/** What of a guest's entry counts below which a host's second stage lies. Source: Linux arm_smmu_make_nested_cd_table_ste. */
const { s1Fmt, s1Context, s1CdMax, s1Dss, s1Cir, s1Cor, s1Csh, mev } = StreamEntry;
const ofGuest = [s1Fmt, s1Context, s1CdMax, s1Dss, s1Cir, s1Cor, s1Csh, mev];
/** STE.SHCFG: as the request says. */
const incoming = 1;
/**
 * MAIR: attribute 1, which entries name, is memory that is written back; beside it memory that is not cached, devices and
 * an outer cache. The upper half is what a sign leaves there. Source: Linux drivers/iommu/io-pgtable-arm.c.
 */
const memoryAttributes = { mair0: 0xf404ff44, mair1: 0xffffffff } as const;

export class SmmuDriver implements UnitDriver {
  readonly #ports: UnitPorts;
  readonly #streams: StreamTable;
  readonly #queue: CommandQueue;
  readonly #events: EventReader;
  /** IDR5.OAS: how wide addresses of memory are. */
  readonly #outputSize: number;
  /** IDR0.STALL_MODEL: streams may stall, and ours must not. */
  readonly #mayStall: boolean;
  /** Frames of context descriptors, by stream and ASID: who goes back to a domain needs no memory for it. */
  readonly #contexts = new Map<string, number>();
  /** Domains are second stages, with VMIDs. */
  readonly #isSecond: boolean;
  #cr0 = 0;
  /** ASID 0 is left to processors, VMID 0 to streams that have none. */
  #nextId = 1;

  /** @param stage whose tables domains have @throws Misuse `no-memory`; `unit-lacks` */
  constructor({ ports, posted = () => undefined }: UnitDriverOptions, stage: "first" | "second" = "first") {
    this.#ports = ports;
    this.#isSecond = stage === "second";
    const { registers } = ports;
    const has = (offset: number, field: Field) => read([registers.read32(offset)], 0, field) !== 0;
    const own = this.#isSecond ? Idr0.s2p : Idr0.s1p;
    const needed = [own, Idr0.stLevel, Idr0.cohacc, Idr0.msi].every((f) => has(idr0.offset, f));
    if (!needed || !has(idr3.offset, Idr3.ril) || !has(idr5.offset, Idr5.gran4k)) {
      throw new Misuse("unit-lacks", `a ${stage} stage of 4 KiB, two levels of streams, coherence, messages or ranges`);
    }
    this.#mayStall = !has(idr0.offset, Idr0.stallModel);
    this.#outputSize = read([registers.read32(idr5.offset)], 0, Idr5.oas);
    registers.write32(cr0.offset, 0);
    registers.write32(cr2.offset, word([Cr2.ptm, Cr2.recInvSid]));
    this.#streams = new StreamTable(ports);
    this.#queue = new CommandQueue(ports, posted);
    this.#turnOn(Cr0.cmdqen);
    this.#queue.submit(command.forgetAllStreams());
    this.#queue.submit(command.forgetTranslations());
    this.#events = new EventReader(ports);
    this.#turnOn(Cr0.eventqen);
    if (has(idr0.offset, Idr0.ats)) this.#turnOn(Cr0.atschk);
    registers.write32(irqCtrl.offset, word([InterruptControl.eventq, InterruptControl.gerror]));
    this.#turnOn(Cr0.smmuen);
  }

  createDomain(): UnitDomain {
    const address = this.#ports.allocate(1) * frameBytes;
    const root: TableRoot = {
      ...{ address, level: 3, inputBits, upper: "zero", allow: Allow.readWrite },
      format: this.#isSecond ? "smmu-s2-4k" : "smmu-s1-4k",
      outputBits: addressBits[this.#outputSize]!,
    };
    return { id: this.#nextId++, root };
  }

  attach(device: AttachedDevice, to: LedTo): void {
    const { requester: sid, ats } = device;
    const words = this.#entryOf(device, to);
    replaceEntry(this.#ports, this.#streams.entryAt(sid), words, () => this.#queue.submit(command.forgetStream(sid)));
    if (ats) this.#queue.submit(command.askDevice(sid, allFrames));
  }

  flushesOf({ id }: UnitDomain, devices: readonly AttachedDevice[]): DomainFlushes {
    const { pages, all } = this.#isSecond ? ofSecond : ofFirst;
    return {
      flush: (first, last, leavesOnly) => {
        const leaf = leavesOnly ? 1 : 0;
        const ranges = rangeCommands(first, last).map((range) => ({ ...range, leaf }) as const);
        this.#submit(pages(id, ranges), devices, this.#isSecond ? allFrames : covering(first, last));
      },
      flushAll: () => this.#submit([all(id)], devices, allFrames),
    };
  }

  submit(commands: readonly Uint32Array[]): Submitted {
    return this.#queue.submit(...commands);
  }

  takeFaults(): readonly UnitFault[] {
    this.#queue.recover();
    return this.#events.take();
  }

  /** The unit first: a device that is asked before could be told again what is about to go. */
  #submit(own: readonly Uint32Array[], devices: readonly AttachedDevice[], range: Covering): void {
    this.#queue.submit(...own);
    const asked = devices.filter((d) => d.ats).map((d) => command.askDevice(d.requester, range));
    if (asked.length > 0) this.#queue.submit(...asked);
  }

  /** A stream's context descriptor for a domain. @returns its byte address */
  #contextOf(sid: number, { id: asid, root }: UnitDomain): number {
    const key = `${sid} ${asid}`;
    const made = this.#contexts.get(key);
    if (made !== undefined) return made * frameBytes;
    const contextFrame = this.#ports.allocate(1);
    this.#contexts.set(key, contextFrame);
    const at = contextFrame * frameBytes;
    const words = entryWords(ContextDescriptor, {
      ...{ v: 1, aa64: 1, r: 1, a: 1, aset: 1, asid, epd1: 1, ...memoryAttributes },
      ...{ t0sz: 64 - inputBits, ips: this.#outputSize, ttb0: root.address / 16 },
      ...{ ir0: cached.writeBack, or0: cached.writeBack, sh0: cached.shareability },
    });
    replaceEntry(this.#ports, at, words, () => this.#queue.submit(command.forgetContext(sid)));
    return at;
  }

  #entryOf({ requester: sid, ats }: AttachedDevice, to: LedTo): Uint32Array {
    const eats = ats ? fullAts : 0;
    if (to === "blocked") return entryWords(StreamEntry, { v: 1, config: StreamConfig.abort });
    if (to === "pass-through") return entryWords(StreamEntry, { v: 1, config: StreamConfig.bypass, shCfg: incoming });
    if (isNested(to)) {
      const words = entryWords(StreamEntry, {
        ...{ v: 1, config: StreamConfig.nested, eats, s1StallD: this.#mayStall ? 1 : 0 },
        ...this.#secondOf(to),
      });
      for (const field of ofGuest) write(words, 0, field, read(to.guest, 0, field));
      return words;
    }
    if (this.#isSecond)
      return entryWords(StreamEntry, { v: 1, config: StreamConfig.second, eats, ...this.#secondOf(to) });
    return entryWords(StreamEntry, {
      ...{ v: 1, config: StreamConfig.first, s1Context: this.#contextOf(sid, to) / 64 },
      ...{ s1Dss: DefaultSubstream.substream0, s1StallD: this.#mayStall ? 1 : 0, eats },
      ...{ s1Cir: cached.writeBack, s1Cor: cached.writeBack, s1Csh: cached.shareability },
    });
  }

  /** Of a stream's entry, a second stage. Source: Linux arm_smmu_make_s2_domain_ste. */
  #secondOf({ id, root }: UnitDomain) {
    return {
      ...{ s2Vmid: id, s2T0sz: 64 - inputBits, s2Sl0: fourLevels, s2Ps: this.#outputSize, s2Aa64: 1, s2R: 1 },
      ...{ s2Ir0: cached.writeBack, s2Or0: cached.writeBack, s2Sh0: cached.shareability, s2Ptw: 1 },
      s2Ttb: root.address / 16,
    };
  }

  #turnOn(field: Field): void {
    const { registers, spin } = this.#ports;
    const words = Uint32Array.of(this.#cr0);
    write(words, 0, field, 1);
    this.#cr0 = words[0]!;
    registers.write32(cr0.offset, this.#cr0);
    spin(() => read([registers.read32(cr0ack.offset)], 0, field) === 1);
  }
}

type Pages = Omit<Parameters<typeof command.forgetPages>[0], "asid">;

/**
 * What forgets pages of a domain, and all of it. By a page of a second stage any address of a first one may have been led, and
 * devices keep those. Source: arm_smmu_tlb_inv_context, arm_smmu_tlb_inv_range_domain (nest_parent).
 */
const ofFirst = {
  pages: (asid: number, ranges: readonly Pages[]) => ranges.map((range) => command.forgetPages({ ...range, asid })),
  all: command.forgetSpace,
};
const ofSecond = {
  pages: (vmid: number, ranges: readonly Pages[]) => [
    ...ranges.map((range) => command.forgetGuestPages({ ...range, vmid })),
    command.forgetFirstStages(vmid),
  ],
  all: command.forgetGuest,
};

function word(fields: readonly Field[]): number {
  const words = new Uint32Array(1);
  for (const field of fields) write(words, 0, field, 1);
  return words[0]!;
}
