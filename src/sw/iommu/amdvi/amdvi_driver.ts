/**
 * A kernel's driver of an AMD-Vi unit with host (v1) tables: a device table, the unit's registers, its rings.
 *
 * Source: Linux drivers/iommu/amd/init.c (early_enable_iommu, init_device_table_dma: devices without an entry of their own
 * are blocked), iommu.c (set_dte_entry, update_dte256, device_flush_dte, __domain_flush_pages). Domains have tables of four
 * levels from the beginning, where Linux puts a level on top when an address needs it.
 */
import { frameBytes } from "../../../base/frame.js";
import { read, write } from "../../../bits/field.js";
import { DeviceEntry, deviceEntryBytes } from "../../../spec/amdvi/device_entry.js";
import { amdviRegisters } from "../../../spec/amdvi/register_map.js";
import { Control, DeviceTableBase, ExtendedFeatures } from "../../../spec/amdvi/registers.js";
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
const firstDid = 2;

export class AmdviDriver implements UnitDriver {
  readonly #ports: UnitPorts;
  readonly #table: number;
  readonly #entryCount: number;
  readonly #ring: CommandRing;
  readonly #events: EventReader;
  #nextDid = firstDid;

  /** @throws Misuse `no-memory` */
  constructor({ ports, lastRequester, posted = () => undefined }: UnitDriverOptions) {
    this.#ports = ports;
    const { registers, memory } = ports;
    const frames = 2 ** Math.ceil(Math.log2(((lastRequester + 1) * deviceEntryBytes) / frameBytes));
    const count = Math.max(frames, 1);
    this.#table = ports.allocate(count) * frameBytes;
    this.#entryCount = (count * frameBytes) / deviceEntryBytes;
    const blocked = entryWith({ v: 1, tv: 1 });
    for (let n = 0; n < this.#entryCount; n++) memory.store(this.#table + n * deviceEntryBytes, blocked);
    const control = new UnitControl(registers);
    control.set(Control.iommuEn, 0);
    control.set(Control.coherent, 1);
    control.set(Control.invTimeOut, oneSecond);
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
    const root: TableRoot = {
      ...{ format: "amdvi-v1", address, level: levels - 1, inputBits: 48, upper: "zero", outputBits: 48 },
      allow: Allow.readWrite,
    };
    return { id: this.#nextDid++, root };
  }

  attach(device: AttachedDevice, to: UnitDomain | "pass-through"): void {
    const passes = to === "pass-through";
    const words = entryWith({
      ...{ v: 1, tv: 1, ir: 1, iw: 1, i: device.ats ? 1 : 0, did: passes ? passingDid : to.id },
      ...(passes ? {} : { mode: levels, frame: to.root.address / frameBytes }),
    });
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

  takeFaults(): readonly UnitFault[] {
    return this.#events.take();
  }

  /** The unit first, then the devices: one that asks again meanwhile is answered from what stands now. */
  #submit(did: number, devices: readonly AttachedDevice[], range: Covering): Submitted {
    const asked = devices.filter((d) => d.ats).map((d) => invalidateDeviceTlb(d.requester, depth, range));
    return this.#ring.submit(invalidatePages(did, range), ...asked);
  }

  /** Of a unit that was just switched on: nothing that it had before counts. */
  #forgetAll(): void {
    const words = new Uint32Array(2);
    this.#ports.registers.read64(efr.offset, words);
    if (read(words, 0, ExtendedFeatures.iaSup) === 1) {
      this.#ring.submit(invalidateAll());
      return;
    }
    this.#ring.submit(...Array.from({ length: this.#entryCount }, (_, requester) => invalidateDevice(requester)));
    this.#ring.submit(...Array.from({ length: didCount }, (_, did) => invalidatePages(did, allFrames)));
  }
}

type Values = Partial<Record<"v" | "tv" | "mode" | "frame" | "ir" | "iw" | "did" | "i", number>>;

function entryWith(values: Values): Uint32Array {
  const words = new Uint32Array(deviceEntryBytes / 4);
  for (const [name, value] of Object.entries(values)) write(words, 0, DeviceEntry[name as "did"], value);
  return words;
}
