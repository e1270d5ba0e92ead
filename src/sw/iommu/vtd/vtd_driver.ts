/**
 * A kernel's driver of a VT-d unit: a root table, the unit's registers, its queue; what its mode says of devices.
 *
 * Source: Linux drivers/iommu/intel/iommu.c (init_dmars), cache.c (the range of an invalidation: the smallest aligned power of
 * two that covers it, or all of the domain where that is too large), dmar.c (enabling the queue).
 */
import { frameBytes } from "../../../base/frame.js";
import { read, write } from "../../../bits/field.js";
import { GlobalCommand, vtdRegisters } from "../../../spec/vtd/register_map.js";
import { Capability, GlobalStatus, RootTableAddress } from "../../../spec/vtd/registers.js";
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
import { deviceTlb } from "./commands.js";
import { VtdFaultHandler } from "./fault_handler.js";
import type { FlushRing } from "./flush_ring.js";
import { InvalidationRing } from "./invalidation_ring.js";
import type { AttachedTo, MakeMode, VtdMode } from "./mode.js";

const { gcmd, gsts, rtaddr, cap } = vtdRegisters.registers;

/**
 * Domain ids: units in caching mode tag what is absent with 0, and whatever passes untranslated shares one.
 * Source: Linux drivers/iommu/intel/iommu.h (FLPT_DEFAULT_DID, IDA_START_DID).
 */
const passingDid = 1;
const firstDid = 2;

export class VtdDriver implements UnitDriver {
  readonly #ring: InvalidationRing;
  readonly #faults: VtdFaultHandler;
  readonly #ports: UnitPorts;
  readonly #mode: VtdMode;
  readonly #mamv: number;
  #nextDid = firstDid;
  #command = 0;

  /** @throws Misuse `no-memory` */
  constructor({ ports, posted }: UnitDriverOptions, mode: MakeMode) {
    this.#ports = ports;
    const words = new Uint32Array(2);
    ports.registers.read64(cap.offset, words);
    this.#mamv = read(words, 0, Capability.mamv);
    const root = ports.allocate(1);
    this.#mode = mode(ports, root * frameBytes);
    words.fill(0);
    write(words, 0, RootTableAddress.frame, root as never);
    write(words, 0, RootTableAddress.ttm, this.#mode.ttm);
    ports.registers.write64(rtaddr.offset, words[0]!, words[1]!);
    this.#once(GlobalCommand.srtp, GlobalStatus.rtps);
    this.#ring = new InvalidationRing(ports, this.#mode.descriptorBytes, posted);
    this.#turnOn(GlobalCommand.qie, GlobalStatus.qies);
    this.#ring.submit(...this.#mode.forgetAll());
    this.#faults = new VtdFaultHandler(ports.registers);
    this.#faults.enable();
    this.#turnOn(GlobalCommand.te, GlobalStatus.tes);
  }

  createDomain(): UnitDomain {
    const address = this.#ports.allocate(1) * frameBytes;
    return { id: this.#nextDid++, root: { ...this.#mode.root, address } };
  }

  attach(device: AttachedDevice, to: LedTo): void {
    this.#ring.submit(...this.#mode.attach(device, tablesOf(to)));
  }

  submit(commands: readonly Uint32Array[]): Submitted {
    return this.#ring.submit(...commands);
  }

  flushesOf({ id }: UnitDomain, devices: readonly AttachedDevice[]): DomainFlushes {
    return {
      flush: (first, last, leavesOnly) => {
        const range = covering(first, last);
        const own = this.#mode.forgetPages(id, range.lg2 > this.#mamv ? null : range, leavesOnly);
        this.#submit(own, devices, range);
      },
      flushAll: () => this.#submit(this.#mode.forgetPages(id, null, false), devices, allFrames),
    };
  }

  /** The queue itself, for who does not stand still until it is done. */
  get queue(): FlushRing {
    return this.#ring.ring;
  }

  /** Byte address of a device's context entry: one of zeros blocks it. */
  entryAt(requester: number): number {
    return this.#mode.entryAt(requester);
  }

  takeFaults(): readonly UnitFault[] {
    return this.#faults.take();
  }

  /** The unit first, then the devices: one that asks again meanwhile is answered from what stands now. */
  #submit(own: Uint32Array, devices: readonly AttachedDevice[], range: Covering): Submitted {
    return this.#ring.submit(own, ...devices.filter((d) => d.ats).map((d) => deviceTlb(d.requester, range)));
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

function tablesOf(to: LedTo): AttachedTo | null {
  if (to === "blocked") return null;
  if (to === "pass-through") return { did: passingDid, root: null };
  return { did: to.id, root: to.root, ...(isNested(to) && { guest: to.guest }) };
}

function with1(word: number, field: Parameters<typeof write>[2]): number {
  const words = Uint32Array.of(word);
  write(words, 0, field, 1);
  return words[0]!;
}
