/**
 * A kernel's driver of a VT-d unit in legacy mode: tables in memory, the unit's registers, its queue.
 *
 * Source: Linux drivers/iommu/intel/iommu.c (init_dmars, domain_context_mapping_one), cache.c (the range of an
 * invalidation: the smallest aligned power of two that covers it), dmar.c (enabling the queue).
 */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { u64High, u64Low } from "../../../base/u64.js";
import { read, write } from "../../../bits/field.js";
import { ContextEntry, contextEntryBytes, TranslationType } from "../../../spec/vtd/context_entry.js";
import { GlobalCommand, vtdRegisters } from "../../../spec/vtd/register_map.js";
import { Capability, GlobalStatus } from "../../../spec/vtd/registers.js";
import { RootEntry, rootEntryBytes } from "../../../spec/vtd/root_entry.js";
import { Allow, type TableRoot } from "../../../table/index.js";
import { allFrames, type Covering, covering } from "../covering.js";
import type { DomainFlushes, UnitPorts } from "../ports.js";
import type {
  AttachedDevice,
  Submitted,
  UnitDomain,
  UnitDriver,
  UnitDriverOptions,
  UnitFault,
} from "../unit_driver.js";
import { context, deviceTlb, iotlb } from "./commands.js";
import { VtdFaultHandler } from "./fault_handler.js";
import { InvalidationRing } from "./invalidation_ring.js";

const { gcmd, gsts, rtaddr, cap } = vtdRegisters.registers;

export class VtdDriver implements UnitDriver {
  readonly #ring: InvalidationRing;
  readonly #faults: VtdFaultHandler;
  readonly #ports: UnitPorts;
  readonly #root: number;
  readonly #mamv: number;
  /** Domain ids: 0 is never used, for units in caching mode tag what is absent with it. */
  #nextDid = 1;
  #command = 0;

  /** @throws Misuse `no-memory` */
  constructor({ ports, posted }: UnitDriverOptions) {
    this.#ports = ports;
    this.#root = ports.allocate(1);
    const words = new Uint32Array(2);
    ports.registers.read64(cap.offset, words);
    this.#mamv = read(words, 0, Capability.mamv);
    const root = this.#root * frameBytes;
    ports.registers.write64(rtaddr.offset, u64Low(root), u64High(root));
    this.#once(GlobalCommand.srtp, GlobalStatus.rtps);
    this.#ring = new InvalidationRing(ports, posted);
    this.#turnOn(GlobalCommand.qie, GlobalStatus.qies);
    this.#ring.submit(context({ g: 1 }), iotlb({ g: 1 }));
    this.#faults = new VtdFaultHandler(ports.registers);
    this.#faults.enable();
    this.#turnOn(GlobalCommand.te, GlobalStatus.tes);
  }

  /** A new second-stage domain of four levels, no device in it yet. */
  createDomain(): UnitDomain {
    const address = this.#ports.allocate(1) * frameBytes;
    const root: TableRoot = {
      ...{ format: "vtd-ss", address, level: 3, inputBits: 48, upper: "zero", outputBits: 46, allow: Allow.readWrite },
    };
    return { id: this.#nextDid++, root };
  }

  /** Point a device's context entry at a domain, or let it pass untranslated, and make the unit look again. */
  attach(device: AttachedDevice, to: UnitDomain | "pass-through"): void {
    const words = new Uint32Array(4);
    write(words, 0, ContextEntry.p, 1);
    write(words, 0, ContextEntry.aw, 2);
    const type = to === "pass-through" ? "passThrough" : device.ats ? "translateAndAts" : "translate";
    write(words, 0, ContextEntry.tt, TranslationType[type]);
    const did = to === "pass-through" ? this.#nextDid++ : to.id;
    write(words, 0, ContextEntry.did, did);
    if (to !== "pass-through") write(words, 0, ContextEntry.frame, (to.root.address / frameBytes) as Mfn);
    this.#ports.memory.store(this.#contextAt(device.requester), words);
    this.#ring.submit(context({ g: 3, did, sid: device.requester }), iotlb({ g: 2, did }));
  }

  flushesOf({ id: did }: UnitDomain, devices: readonly AttachedDevice[]): DomainFlushes {
    return {
      flush: (first, last, leavesOnly) => {
        const range = covering(first, last);
        const { page, lg2: am } = range;
        const own = am > this.#mamv ? iotlb({ g: 2, did }) : iotlb({ g: 3, did, page, am, ih: leavesOnly ? 1 : 0 });
        this.#submit(own, devices, range);
      },
      flushAll: () => this.#submit(iotlb({ g: 2, did }), devices, allFrames),
    };
  }

  takeFaults(): readonly UnitFault[] {
    return this.#faults.take();
  }

  /** The unit first, then the devices: one that asks again meanwhile is answered from what stands now. */
  #submit(own: Uint32Array, devices: readonly AttachedDevice[], range: Covering): Submitted {
    return this.#ring.submit(own, ...devices.filter((d) => d.ats).map((d) => deviceTlb(d.requester, range)));
  }

  #contextAt(requester: number): number {
    const { memory, allocate } = this.#ports;
    const at = this.#root * frameBytes + (requester >>> 8) * rootEntryBytes;
    const words = Uint32Array.of(memory.load32(at), memory.load32(at + 4), 0, 0);
    if (read(words, 0, RootEntry.p) === 0) {
      write(words, 0, RootEntry.frame, allocate(1) as Mfn);
      write(words, 0, RootEntry.p, 1);
      memory.store(at, words);
    }
    return read(words, 0, RootEntry.frame) * frameBytes + (requester & 0xff) * contextEntryBytes;
  }

  /** A bit of GCMD that stays, and the bit of GSTS that says so. */
  #turnOn(command: Parameters<typeof write>[2], status: Parameters<typeof read>[2]): void {
    this.#command = with1(this.#command, command);
    this.#ports.registers.write32(gcmd.offset, this.#command);
    this.#await(status);
  }

  /** A bit of GCMD that is a command of one time. */
  #once(command: Parameters<typeof write>[2], status: Parameters<typeof read>[2]): void {
    this.#ports.registers.write32(gcmd.offset, with1(this.#command, command));
    this.#await(status);
  }

  #await(status: Parameters<typeof read>[2]): void {
    const { registers, spin } = this.#ports;
    spin(() => read([registers.read32(gsts.offset)], 0, status) === 1);
  }
}

function with1(word: number, field: Parameters<typeof write>[2]): number {
  const words = Uint32Array.of(word);
  write(words, 0, field, 1);
  return words[0]!;
}
