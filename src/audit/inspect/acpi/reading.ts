/** What the firmware's tables say of IOMMUs, in no vendor's words. */
import { hex } from "../../../base/hex.js";
import type { UnitKind } from "../../../table/device/attachment.js";
import type { Place } from "../place.js";

/** Requesters that a table names. */
export interface AcpiScope {
  readonly segment: number;
  /**
   * Requester ids, both inclusive. null: the path goes through bridges whose bus numbers the table does not give, or
   * the device has no requester id.
   */
  readonly first: number | null;
  readonly last: number | null;
  readonly what: "device" | "bridge" | "io-apic" | "hpet" | "named" | "range" | "all" | "stream";
  /** `00:1c.0 → 00.0`, a name, a range. */
  readonly name: string;
  /** SMMU: the stream id that `first` comes to; null where requester and stream are one. */
  readonly stream: number | null;
  /** SMMU: every requester of the range comes to that one stream. */
  readonly oneStream?: boolean;
  /** The bus on which a path begins, and device and function of each step, down through bridges. */
  readonly path?: { readonly bus: number; readonly functions: readonly number[] };
  /** Bits of the addresses that the device can send, where IORT says. */
  readonly addressBits?: number;
  /** Of `stream`, whose `first` and `last` are stream ids: index of the unit that takes them. */
  readonly unit?: number;
}

export interface AcpiUnit {
  readonly kind: UnitKind | "smmu" | "virtio-iommu";
  /** What Linux calls it: `dmar0`, `ivhd1`, `arm-smmu-v3.2.auto`; null where it gives it no name of its own. */
  readonly name?: string | null;
  /** What the table says of the unit beside its devices, a few words each: `device TLBs (ATS)`. */
  readonly says?: readonly string[];
  /** Physical address of the registers; null for a unit that is a PCI device. */
  readonly registersAt: number | null;
  readonly segment: number;
  /** Every device of the segment that no other unit names. */
  readonly includeAll: boolean;
  readonly scopes: readonly AcpiScope[];
  /** Requester id of the unit itself, where it is a PCI device. */
  readonly requester: number | null;
}

/** Memory that firmware wants its devices to reach. */
export interface AcpiReserved {
  readonly kind: "RMRR" | "IVMD" | "RMR";
  /** Bytes, both inclusive. */
  readonly first: number;
  readonly last: number;
  readonly segment: number;
  readonly scopes: readonly AcpiScope[];
  /** 1 read, 2 write, 3 both. */
  readonly allow: number;
}

/** A device whose requests carry another requester id. */
export interface AcpiAlias {
  readonly segment: number;
  readonly first: number;
  readonly last: number;
  readonly source: number;
}

export interface AcpiWindow {
  readonly segment: number;
  /** Address of bus 0's configuration space. */
  readonly base: number;
  readonly firstBus: number;
  readonly lastBus: number;
}

export interface AcpiTable {
  readonly signature: string;
  readonly address: number;
  readonly bytes: number;
  /** What it says of the machine as a whole, a few words each: `46 address bits`, `interrupts may be remapped`. */
  readonly says?: readonly string[];
  /** The bytes do not sum to 0. */
  readonly wrongChecksum?: boolean;
}

export interface AcpiReading {
  readonly tables: readonly AcpiTable[];
  readonly units: readonly AcpiUnit[];
  readonly reserved: readonly AcpiReserved[];
  readonly aliases: readonly AcpiAlias[];
  /** Devices, or root ports with all below, that may use ATS by DMAR's ATSR and SATC. null: no table speaks of it. */
  readonly ats: { readonly all: boolean; readonly scopes: readonly AcpiScope[] } | null;
  /** Bits of physical addresses by DMAR; null where no table says. */
  readonly addressBits: number | null;
  /** DMAR's wish that interrupts be remapped; null where no table says. */
  readonly interruptRemapping: boolean | null;
  /** DMAR: the system is to leave x2APIC mode alone. DMAR, IVRS: firmware guards DMA and asks that this goes on. */
  readonly x2apicOptOut?: boolean | null;
  readonly dmaOptIn?: boolean | null;
  readonly configuration: readonly AcpiWindow[];
  /** Interrupt controllers, timers, TPM: what is no memory. */
  readonly places: readonly Place[];
  /** What could not be read, a sentence each. */
  readonly notes: readonly string[];
  /** The firmware's own list was followed, and each of its tables is in the memory: what is not among them is not there. */
  readonly isComplete?: boolean;
}

/** A reading while it grows. */
export class Gathered {
  readonly tables: AcpiTable[] = [];
  readonly units: AcpiUnit[] = [];
  readonly reserved: AcpiReserved[] = [];
  readonly aliases: AcpiAlias[] = [];
  ats: { all: boolean; scopes: AcpiScope[] } | null = null;
  addressBits: number | null = null;
  interruptRemapping: boolean | null = null;
  x2apicOptOut: boolean | null = null;
  dmaOptIn: boolean | null = null;
  /** Of the table that is being read. */
  says: string[] = [];
  /** DMAR: what ACPI calls devices, by the number that device scopes use. */
  readonly named = new Map<number, string>();
  readonly configuration: AcpiWindow[] = [];
  readonly places: Place[] = [];
  readonly notes: string[] = [];
  isComplete = false;

  /** A region, unless it cannot be: addresses have at most 52 bits. */
  reserve(region: AcpiReserved): void {
    const { kind, first, last } = region;
    const at = `the ${kind} region at ${hex(first)}`;
    if (last < first) this.note(`${at} ends before it begins: it is left out`);
    else if (last >= 2 ** 52) this.note(`${at} ends beyond the last physical address (2^52): it is left out`);
    else this.reserved.push(region);
  }

  note(what: string): void {
    if (this.notes.length < 50) this.notes.push(what);
  }
}

/** Structures of a table that are read; real tables have some hundred. */
export const structuresMax = 8192;
