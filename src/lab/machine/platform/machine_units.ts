/** The IOMMUs that a described machine may have, a row each: the unit, its driver, and how its numbers are called. */
import type { About } from "../../../bits/layout.js";
import type { DeviceTlb, InvalidationSink } from "../../../bus/ats.js";
import type { RegisterFile, WideRegisters } from "../../../bus/registers.js";
import { AmdviUnit } from "../../../hw/iommu/amdvi/amdvi_unit.js";
import type { CacheSizes, UnitCaches } from "../../../hw/iommu/core/caches.js";
import type { CarriedOut } from "../../../hw/iommu/core/carried_out.js";
import type { DeviceTags } from "../../../hw/iommu/core/device_tags.js";
import type { MessagePort } from "../../../hw/iommu/core/message_port.js";
import type { Transaction } from "../../../hw/iommu/core/transaction.js";
import type { UnitParts } from "../../../hw/iommu/core/unit_parts.js";
import { SmmuUnit, type SmmuUnitOptions } from "../../../hw/iommu/smmuv3/smmu_unit.js";
import { VtdUnit } from "../../../hw/iommu/vtd/vtd_unit.js";
import type { Memory } from "../../../mem/memory.js";
import * as amdviCommands from "../../../spec/amdvi/commands.js";
import { faultEvents as amdviEvents } from "../../../spec/amdvi/fault_events.js";
import type { IommuKind } from "../../../spec/linux/iommu_drivers.js";
import * as smmuCommands from "../../../spec/smmuv3/command_layouts.js";
import { faultEvents as smmuEvents } from "../../../spec/smmuv3/fault_events.js";
import { descriptorLayouts, descriptorType } from "../../../spec/vtd/descriptors.js";
import { faultReasons } from "../../../spec/vtd/fault_reasons.js";
import type { MachineState } from "../../../state/machine_state.js";
import { AmdviDriver } from "../../../sw/iommu/amdvi/amdvi_driver.js";
import type { ReservedRange } from "../../../sw/iommu/domain/dma_domain.js";
import { amdviGuest } from "../../../sw/iommu/nesting/amdvi.js";
import type { GuestVendor } from "../../../sw/iommu/nesting/guest_vendor.js";
import { smmuGuest } from "../../../sw/iommu/nesting/smmuv3.js";
import { vtdGuest } from "../../../sw/iommu/nesting/vtd.js";
import { SmmuDriver } from "../../../sw/iommu/smmuv3/smmu_driver.js";
import type { UnitDriver, UnitDriverOptions } from "../../../sw/iommu/unit_driver.js";
import { legacyMode } from "../../../sw/iommu/vtd/legacy_mode.js";
import { scalableMode } from "../../../sw/iommu/vtd/scalable_mode.js";
import { VtdDriver } from "../../../sw/iommu/vtd/vtd_driver.js";
import type { Attachment, LookupFault } from "../../../table/device/index.js";

/** A unit of whatever vendor, as a machine works it. */
export interface HardwareUnit extends InvalidationSink {
  readonly registers: WideRegisters & Pick<RegisterFile, "words">;
  readonly transactions: readonly Transaction[];
  readonly queue: {
    choices(): number;
    step(choice: number): void;
    /** A device did not answer the invalidation with this tag in time. */
    timedOut(tag: number): void;
  };
  readonly tags: DeviceTags;
  readonly caches: UnitCaches;
  /** What the tables in memory say of a device's requests now, whatever is cached. */
  attached(requester: number): Attachment | LookupFault;
}

/** A unit that a host has under a guest's of the same kind. */
export interface Nesting {
  /** The host's, with both stages, and its driver, whose domains are second ones. */
  readonly host: Pick<MachineUnit, "build" | "drive">;
  /** The one that the guest finds, and its driver, whose domains are first stages. */
  readonly guest: Pick<MachineUnit, "build" | "drive">;
  readonly vendor: GuestVendor;
}

export interface HardwareOptions {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly messages: MessagePort;
  readonly deviceTlb: (requester: number) => DeviceTlb | null;
  readonly caches: CacheSizes;
  /** Left out: as units of the kind do. */
  readonly fetchBits?: UnitParts["fetchBits"];
  /** Told of each command when it is carried out. */
  readonly carriedOut?: CarriedOut;
}

export interface MachineUnit {
  readonly build: (o: HardwareOptions) => HardwareUnit;
  readonly drive: (o: UnitDriverOptions) => UnitDriver;
  /** Whose registers they are, and where in physical memory: where QEMU's machines have them. */
  readonly registersAt: { readonly kind: "vtd" | "amdvi" | "smmuv3"; readonly base: number };
  /** The number of what a command asks for, and the layouts by it. */
  readonly typeOf: (command: ArrayLike<number>) => number;
  readonly layouts: Readonly<Record<number, About>>;
  /** The unit's number of a reason, as a sentence. */
  readonly words: (code: number) => string | undefined;
  /** Bytes that a kernel hands out as no address of a domain. */
  readonly reserved: readonly ReservedRange[];
  /** Whether a device that passes untranslated may have its TLB on. */
  readonly passesWithTlb: boolean;
  /** null: units of the kind translate once. */
  readonly nesting: Nesting | null;
  /** A unit of the kind in caching mode, as a guest has one whose tables a host's shadow; null: no unit of the kind has one. */
  readonly shadow: Pick<Nesting, "host" | "guest"> | null;
}

/** Interrupt messages of x86 processors. */
const messages: ReservedRange = { first: 0xfee0_0000, last: 0xfeef_ffff };
/** HyperTransport's, which AMD's processors keep. Source: Linux amd_iommu_get_resv_regions. */
const hyperTransport: ReservedRange = { first: 0xfd_0000_0000, last: 0xff_ffff_ffff };

const vtd = {
  typeOf: descriptorType,
  layouts: descriptorLayouts,
  words: (code: number) => faultReasons[code]?.words,
  reserved: [messages],
  registersAt: { kind: "vtd", base: 0xfed9_0000 },
} as const;
/**
 * CAP: 48 bits, superpages, page-selective invalidation of up to 2^18 pages, draining. ECAP: queue, device TLBs, pass-through;
 * in scalable mode both stages, and walks that snoop.
 */
const vtdAbilities = { capability: [0x222f_0606, 0x00d2_008c], extendedCapability: [0x0000_0f46, 0] } as const;

const legacy = (o: HardwareOptions) => new VtdUnit({ ...o, ...vtdAbilities });
const scalable = (o: HardwareOptions) =>
  new VtdUnit({ ...o, ...vtdAbilities, extendedCapability: [0x0000_0f46, 0x0001_c800] });
/** EFR of `amdvi`, with guest tables, and requests without PASID that use them (GTSup, GIOSup). */
const bothStages = (o: HardwareOptions) => new AmdviUnit({ ...o, features: [0x0000_0850, 0x0001_4000] });
const smmu = (o: HardwareOptions, identification: SmmuUnitOptions["identification"]) =>
  new SmmuUnit({ ...o, identification, wire: (source) => source !== "completion" && o.messages.send(0, 0) });

export const machineUnits: Readonly<Record<IommuKind, MachineUnit>> = {
  vtd: {
    ...vtd,
    build: legacy,
    drive: (o) => new VtdDriver(o, legacyMode),
    // A context entry that lets a device pass refuses its translation requests (VT-d 4.1, 9.3, TT = 10b).
    passesWithTlb: false,
    nesting: null,
    shadow: {
      host: { build: legacy, drive: (o) => new VtdDriver(o, legacyMode) },
      // CAP.CM besides.
      guest: {
        build: (o) => new VtdUnit({ ...o, ...vtdAbilities, capability: [0x222f_0686, 0x00d2_008c] }),
        drive: (o) => new VtdDriver(o, legacyMode),
      },
    },
  },
  "vtd-scalable": {
    ...vtd,
    build: scalable,
    drive: (o) => new VtdDriver(o, scalableMode(o.stage ?? "first")),
    passesWithTlb: true,
    shadow: null,
    nesting: {
      host: {
        // ECAP.NEST besides.
        build: (o) => new VtdUnit({ ...o, ...vtdAbilities, extendedCapability: [0x0400_0f46, 0x0001_c800] }),
        drive: (o) => new VtdDriver(o, scalableMode("second")),
      },
      guest: { build: scalable, drive: (o) => new VtdDriver(o, scalableMode("first")) },
      vendor: vtdGuest,
    },
  },
  amdvi: {
    /** EFR: INVALIDATE_IOMMU_ALL, host tables of six levels, interrupt registers in the block. */
    build: (o) => new AmdviUnit({ ...o, features: [0x0000_0840, 0x0000_4000] }),
    drive: (o) => new AmdviDriver(o),
    shadow: null,
    nesting: {
      host: { build: bothStages, drive: (o) => new AmdviDriver(o) },
      guest: { build: bothStages, drive: (o) => new AmdviDriver(o, "v2") },
      vendor: amdviGuest,
    },
    registersAt: { kind: "amdvi", base: 0xfed8_0000 },
    typeOf: (command) => command[1]! >>> 28,
    layouts: amdviCommands.commandLayouts,
    words: (code) => Object.values(amdviEvents).find((e) => e.code === code)?.words,
    reserved: [messages, hyperTransport],
    passesWithTlb: true,
  },
  smmuv3: {
    build: (o) => smmu(o, identification),
    drive: (o) => new SmmuDriver(o),
    shadow: null,
    nesting: {
      // IDR0.S2P besides, with VMIDs of 16 bits.
      host: {
        build: (o) => smmu(o, { ...identification, idr0: identification.idr0 + 0x4_0001 }),
        drive: (o) => new SmmuDriver(o, "second"),
      },
      guest: { build: (o) => smmu(o, identification), drive: (o) => new SmmuDriver(o) },
      vendor: smmuGuest,
    },
    registersAt: { kind: "smmuv3", base: 0x0905_0000 },
    typeOf: (command) => command[0]! & 0xff,
    layouts: smmuCommands.commandLayouts,
    words: (code) => smmuEvents[code]?.words,
    // Messages are translated as all else: the kernel maps their doorbell where it likes.
    reserved: [],
    // A stream that bypasses the unit answers no translation requests (IHI 0070 G, 5.2, EATS).
    passesWithTlb: false,
  },
};

/**
 * IDR0: first stage, coherent, ATS, 16-bit ASIDs, messages, no stalls, two levels of streams. IDR1: 16-bit streams, queues of
 * 256 commands and 128 events. IDR3: ranges. IDR5: 48 bits, 4 KiB.
 */
const identification = { idr0: 0x0900_341a, idr1: 0x0107_0010, idr3: 0x0000_0400, idr5: 0x0000_0015 } as const;
