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
import * as D from "../../../spec/vtd/descriptors.js";
import { GlobalCommand, vtdRegisters } from "../../../spec/vtd/register_map.js";
import { Capability, GlobalStatus } from "../../../spec/vtd/registers.js";
import { RootEntry, rootEntryBytes } from "../../../spec/vtd/root_entry.js";
import { Allow, type TableRoot } from "../../../table/index.js";
import type { DomainFlushes, UnitPorts } from "../ports.js";
import { InvalidationRing, type Posted, type Submitted } from "./invalidation_ring.js";

const { gcmd, gsts, rtaddr, cap } = vtdRegisters.registers;

/** A device that is attached to a domain. */
export interface AttachedDevice {
  readonly requester: number;
  /** It has a TLB of its own. */
  readonly ats: boolean;
}

export class VtdDriver {
  readonly ring: InvalidationRing;
  readonly #ports: UnitPorts;
  readonly #root: number;
  readonly #mamv: number;
  /** Domain ids: 0 is never used, for units in caching mode tag what is absent with it. */
  #nextDid = 1;
  #command = 0;

  /** @param posted told of each descriptor */
  constructor(ports: UnitPorts, posted?: Posted) {
    this.#ports = ports;
    this.#root = ports.allocate(1);
    const words = new Uint32Array(2);
    ports.registers.read64(cap.offset, words);
    this.#mamv = read(words, 0, Capability.mamv);
    const root = this.#root * frameBytes;
    ports.registers.write64(rtaddr.offset, u64Low(root), u64High(root));
    this.#once(GlobalCommand.srtp, GlobalStatus.rtps);
    this.ring = new InvalidationRing(ports, posted);
    this.#turnOn(GlobalCommand.qie, GlobalStatus.qies);
    this.ring.submit(context({ g: 1 }), iotlb({ g: 1 }));
    this.#turnOn(GlobalCommand.te, GlobalStatus.tes);
  }

  /** A new second-stage domain of four levels, no device in it yet. */
  createDomain(): { readonly did: number; readonly root: TableRoot } {
    const address = this.#ports.allocate(1) * frameBytes;
    const did = this.#nextDid++;
    const root: TableRoot = {
      ...{ format: "vtd-ss", address, level: 3, inputBits: 48, upper: "zero", outputBits: 46, allow: Allow.readWrite },
    };
    return { did, root };
  }

  /** Point a device's context entry at a domain, or let it pass untranslated, and make the unit look again. */
  attach(device: AttachedDevice, to: { readonly did: number; readonly root: TableRoot } | "pass-through"): void {
    const words = new Uint32Array(4);
    write(words, 0, ContextEntry.p, 1);
    write(words, 0, ContextEntry.aw, 2);
    const type = to === "pass-through" ? "passThrough" : device.ats ? "translateAndAts" : "translate";
    write(words, 0, ContextEntry.tt, TranslationType[type]);
    const did = to === "pass-through" ? this.#nextDid++ : to.did;
    write(words, 0, ContextEntry.did, did);
    if (to !== "pass-through") write(words, 0, ContextEntry.frame, (to.root.address / frameBytes) as Mfn);
    this.#ports.memory.store(this.#contextAt(device.requester), words);
    this.ring.submit(context({ g: 3, did, sid: device.requester }), iotlb({ g: 2, did }));
  }

  /** How one domain's caches are flushed. @param devices of it, those with a TLB of their own among them */
  flushesOf(did: number, devices: readonly AttachedDevice[]): DomainFlushes {
    return {
      flush: (first, last, leavesOnly) => {
        const am = coveringLg2(first, last);
        const page = first - (first % 2 ** am);
        const own = am > this.#mamv ? iotlb({ g: 2, did }) : iotlb({ g: 3, did, page, am, ih: leavesOnly ? 1 : 0 });
        this.#submit(own, devices, { page, am });
      },
      flushAll: () => this.#submit(iotlb({ g: 2, did }), devices, { page: 0, am: 52 }),
    };
  }

  /** The unit first, then the devices: one that asks again meanwhile is answered from what stands now. */
  #submit(
    own: Uint32Array,
    devices: readonly AttachedDevice[],
    range: { readonly page: number; readonly am: number },
  ): Submitted {
    return this.ring.submit(own, ...devices.filter((d) => d.ats).map((d) => deviceTlb(d.requester, range)));
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

/** log2 of the smallest aligned power of two of frames that covers a range. */
function coveringLg2(first: number, last: number): number {
  let am = 0;
  while (Math.floor(first / 2 ** am) !== Math.floor(last / 2 ** am)) am++;
  return am;
}

function context(o: { readonly g: number; readonly did?: number; readonly sid?: number }): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.ContextInvalidate.type, D.DescriptorType.context);
  write(w, 0, D.ContextInvalidate.g, o.g);
  write(w, 0, D.ContextInvalidate.did, o.did ?? 0);
  write(w, 0, D.ContextInvalidate.sid, o.sid ?? 0);
  return w;
}

/** Reads and writes under way are drained, as Linux asks for wherever a unit can. */
function iotlb(o: { g: number; did?: number; page?: number; am?: number; ih?: 0 | 1 }): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.IotlbInvalidate.type, D.DescriptorType.iotlb);
  write(w, 0, D.IotlbInvalidate.g, o.g);
  write(w, 0, D.IotlbInvalidate.dw, 1);
  write(w, 0, D.IotlbInvalidate.dr, 1);
  write(w, 0, D.IotlbInvalidate.did, o.did ?? 0);
  write(w, 0, D.IotlbInvalidate.am, o.am ?? 0);
  write(w, 0, D.IotlbInvalidate.ih, o.ih ?? 0);
  write(w, 0, D.IotlbInvalidate.page, (o.page ?? 0) as never);
  return w;
}

/** @param range an aligned power of two of frames; 2^52 of them are all */
function deviceTlb(sid: number, { page, am }: { readonly page: number; readonly am: number }): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.DeviceTlbInvalidate.type, D.DescriptorType.deviceTlb);
  write(w, 0, D.DeviceTlbInvalidate.sid, sid);
  // The size is in the address: ones below its lowest zero.
  const sized = am === 0 ? page : am >= 52 ? 2 ** 51 - 1 : page + 2 ** (am - 1) - 1;
  write(w, 0, D.DeviceTlbInvalidate.s, am === 0 ? 0 : 1);
  write(w, 0, D.DeviceTlbInvalidate.page, sized as never);
  return w;
}
