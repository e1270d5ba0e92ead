/**
 * A kernel's driver of an AMD-Vi unit with host (v1) tables, or with guest (v2) ones: a device table, the unit's registers, its
 * rings.
 *
 * Source: Linux drivers/iommu/amd/init.c (early_enable_iommu, init_device_table_dma: devices without an entry of their own
 * are blocked), iommu.c (set_dte_entry, update_dte256, device_flush_dte, __domain_flush_pages, domain_flush_pages_v2,
 * set_dte_gcr3_table), nested.c (set_dte_nested). Host tables have four levels from the beginning, where Linux puts a level on
 * top when an address needs it. A device whose requests have no PASID is told to forget without one, where Linux names PASID 0
 * of domains with guest tables.
 */
import { frameBytes } from "../../../base/frame.js";
import { composed } from "../../../bits/composed.js";
import { type Field, read, write } from "../../../bits/field.js";
import { DeviceEntry, deviceEntryBytes } from "../../../spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../../spec/amdvi/guest_cr3.js";
import { amdviRegisters } from "../../../spec/amdvi/register_map.js";
import { Control, DeviceTableBase, ExtendedFeatures } from "../../../spec/amdvi/registers.js";
import { Allow } from "../../../table/index.js";
import { allFrames, type Covering, covering } from "../covering.js";
import { deviceEntry } from "../entry/kinds/amdvi_device.js";
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
import { CommandRing } from "./command_ring.js";
import { invalidateAll, invalidateDevice, invalidateDeviceTlb, invalidatePages } from "./commands.js";
import { UnitControl } from "./control.js";
import { EventReader } from "./event_reader.js";

const { devtab, efr } = amdviRegisters.registers;
/** INV_TIMEOUT: devices have a second to answer. */
const oneSecond = 4;
/** Invalidations that a device takes at once, as its capability would say. */
const depth = 2;
const levels = 4;
const didCount = 2 ** 16;
/** Domain 0 is that of devices that are blocked, and the one for what passes is made first (iommu.c, amd_iommu_init_identity_domain). */
const passingDid = 1;
/** The PASID whose tables requests without one use (GIOV). Source: Linux IOMMU_NO_PASID. */
const noPasid = 0;
const firstDid = 2;

export class AmdviDriver implements UnitDriver {
  readonly #ports: UnitPorts;
  readonly #table: number;
  readonly #entryCount: number;
  readonly #ring: CommandRing;
  readonly #events: EventReader;
  /** Domains have guest tables. */
  readonly #isFirst: boolean;
  /** Frame of each domain's GCR3 table, by id. */
  readonly #gcr3 = new Map<number, number>();
  #nextDid = firstDid;

  /** @param tables of domains: the host's (v1), or a guest's (v2) @throws Misuse `no-memory` */
  constructor(o: UnitDriverOptions, tables: "v1" | "v2" = "v1") {
    const { ports, lastRequester, posted = () => undefined } = o;
    this.#ports = ports;
    this.#isFirst = tables === "v2";
    const { registers, memory } = ports;
    const frames = 2 ** Math.ceil(Math.log2(((lastRequester + 1) * deviceEntryBytes) / frameBytes));
    const count = Math.max(frames, 1);
    this.#table = ports.allocate(count) * frameBytes;
    this.#entryCount = (count * frameBytes) / deviceEntryBytes;
    for (let n = 0; n < this.#entryCount; n++) memory.store(this.#table + n * deviceEntryBytes, blocked);
    const control = new UnitControl(registers);
    control.set(Control.iommuEn, 0);
    control.set(Control.coherent, 1);
    control.set(Control.invTimeOut, oneSecond);
    if (this.#has(ExtendedFeatures.gtSup)) control.set(Control.gtEn, 1);
    const base = new Uint32Array(2);
    write(base, 0, DeviceTableBase.frame, (this.#table / frameBytes) as never);
    write(base, 0, DeviceTableBase.size, count - 1);
    registers.write64(devtab.offset, base[0]!, base[1]!);
    this.#ring = new CommandRing(ports, control, posted);
    this.#events = new EventReader(ports, control);
    control.set(Control.iommuEn, 1);
    this.#forgetAll();
  }

  createDomain(): UnitDomain {
    const address = this.#ports.allocate(1) * frameBytes;
    const tables = { address, level: levels - 1, inputBits: 48, outputBits: 48, allow: Allow.readWrite } as const;
    const id = this.#nextDid++;
    if (!this.#isFirst) return { id, root: { ...tables, format: "amdvi-v1", upper: "zero" } };
    this.#gcr3.set(id, this.#makeGcr3(address / frameBytes));
    return { id, root: { ...tables, format: "amdvi-v2", upper: "sign" } };
  }

  attach(device: AttachedDevice, to: LedTo): void {
    const words = this.#entryOf(to, device.ats);
    // The half that has no say of translation first: what makes the entry count is one store.
    const at = this.#table + device.requester * deviceEntryBytes;
    this.#ports.memory.store(at + deviceEntryBytes / 2, words.subarray(4));
    this.#ports.memory.store(at, words.subarray(0, 4));
    this.#ring.submit(
      invalidateDevice(device.requester),
      ...(device.ats ? [invalidateDeviceTlb(device.requester, depth, allFrames)] : []),
    );
  }

  flushesOf({ id }: UnitDomain, devices: readonly AttachedDevice[]): DomainFlushes {
    return {
      flush: (first, last) => this.#submit(id, devices, covering(first, last)),
      flushAll: () => this.#submit(id, devices, allFrames),
    };
  }

  submit(commands: readonly Uint32Array[]): Submitted {
    return this.#ring.submit(...commands);
  }

  takeFaults(): readonly UnitFault[] {
    return this.#events.take();
  }

  #entryOf(to: LedTo, ats: boolean): Uint32Array {
    const none = { host: 0, gcr3: 0, ats };
    if (to === "blocked") return blocked;
    if (to === "pass-through") return deviceEntry("identity", { ...none, did: passingDid });
    const host = to.root.address / frameBytes;
    if (!isNested(to)) {
      const gcr3 = this.#gcr3.get(to.id);
      if (gcr3 === undefined) return deviceEntry("v1", { ...none, did: to.id, host });
      return deviceEntry("v2", { ...none, did: to.id, gcr3 });
    }
    const words = deviceEntry("nested", { ...none, did: to.id, host });
    for (const field of ofGuest) write(words, 0, field, read(to.guest, 0, field));
    return words;
  }

  /** A table of one level in which PASID 0, whose are requests without, leads to tables. @returns its frame */
  #makeGcr3(top: number): number {
    const frame = this.#ports.allocate(1);
    const words = composed(2, [
      [Gcr3Entry.v, 1],
      [Gcr3Entry.frame, top],
    ]);
    this.#ports.memory.store(frame * frameBytes + noPasid * 8, words);
    return frame;
  }

  #has(feature: Field): boolean {
    const words = new Uint32Array(2);
    this.#ports.registers.read64(efr.offset, words);
    return read(words, 0, feature) === 1;
  }

  /** The unit first, then the devices: one that asks again meanwhile is answered from what stands now. */
  #submit(did: number, devices: readonly AttachedDevice[], range: Covering): Submitted {
    const asked = devices.filter((d) => d.ats).map((d) => invalidateDeviceTlb(d.requester, depth, range));
    return this.#ring.submit(invalidatePages(did, range, this.#isFirst ? noPasid : null), ...asked);
  }

  /** Of a unit that was just switched on: nothing that it had before counts. */
  #forgetAll(): void {
    if (this.#has(ExtendedFeatures.iaSup)) {
      this.#ring.submit(invalidateAll());
      return;
    }
    this.#ring.submit(...Array.from({ length: this.#entryCount }, (_, requester) => invalidateDevice(requester)));
    this.#ring.submit(...Array.from({ length: didCount }, (_, did) => invalidatePages(did, allFrames)));
  }
}

/** A guest's part of an entry below which a host's table lies. @see Linux nested.c, set_dte_nested */
const { glx, gcr3Low, gcr3Middle, gcr3High, giov, guestPagingMode } = DeviceEntry;
const ofGuest = [glx, gcr3Low, gcr3Middle, gcr3High, giov, guestPagingMode];

/** Nothing passes: no table, and no right to anything. */
const blocked = composed(deviceEntryBytes / 4, [
  [DeviceEntry.v, 1],
  [DeviceEntry.tv, 1],
]);
