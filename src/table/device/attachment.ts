/**
 * From a device to its page tables: what the device tables of every kind of unit come to.
 *
 * A unit is read in two steps. `UnitRoot` is what its registers, a scan or the user say; a `DeviceTables` reads the
 * structures behind it and gives one `Attachment` for each device and PASID.
 */
import type { About } from "../../bits/layout.js";
import type { MemoryView } from "../../mem/view.js";
import type { UnitFeature } from "../format.js";
import type { Allow, TableRoot } from "../root.js";
import type { Troubles } from "../trouble.js";
import type { Smmuv3Abilities } from "./smmuv3_abilities.js";

/** Whose unit it is. */
export type UnitKind = "vtd" | "amdvi" | "smmuv3";

/**
 * What a unit is able to do, as its registers say. A field that is absent is unknown, and a check that needs it is left
 * out: tables are then taken as if the unit could do what they ask for.
 */
export interface Abilities {
  /** Bit n is set when second-stage (host) tables may have n levels; the same for the first stage. */
  readonly secondLevels?: number;
  readonly firstLevels?: number;
  /** Bits of the addresses that the second stage takes (VT-d MGAW). */
  readonly inputBits?: number;
  /** Bits of a PASID or substream id; 0 = requests with one are refused. */
  readonly pasidBits?: number;
  readonly first?: boolean;
  readonly second?: boolean;
  readonly nested?: boolean;
  readonly passThrough?: boolean;
  /** Device TLBs. */
  readonly ats?: boolean;
  /** VT-d: the PASID of requests without one can be chosen; otherwise it is 0. */
  readonly ridPasid?: boolean;
  /** While the unit does not translate, requests abort (SMMUv3 GBPA) instead of passing. */
  readonly abortsWhenOff?: boolean;
  /** Features of page tables that the unit lacks, by stage. */
  readonly secondLacks?: readonly UnitFeature[];
  readonly firstLacks?: readonly UnitFeature[];
  /** SMMUv3 only. */
  readonly smmu?: Smmuv3Abilities;
}

/** One IOMMU: where its device tables begin and what it is able to do. */
export interface UnitRoot {
  readonly kind: UnitKind;
  /**
   * VT-d: `legacy`, `scalable`, `abort` (all DMA is blocked) or `reserved`. AMD-Vi: `v1`, or `v1+v2` where first-stage
   * tables may be used. SMMUv3: `linear` or `two-level`.
   */
  readonly mode: string;
  /** Byte address of the root table, device table or stream table. */
  readonly root: number;
  /** Device table: bytes. Stream table: log2 of its entries. VT-d: 256 root entries, always 4096. */
  readonly size: number;
  /** SMMUv3 two-level: bits of the stream id that the second level resolves; 0 otherwise. */
  readonly split: number;
  /** Physical address of the register block; null when no registers were given. */
  readonly registersAt: number | null;
  /** false: the unit does not translate at all; null: unknown (no registers say so). */
  readonly translating: boolean | null;
  /** false: interrupts are not remapped; null: unknown. */
  readonly interruptRemapping: boolean | null;
  /** Byte address of the interrupt-remapping table, where one is known. */
  readonly interruptTable: number | null;
  /** Bits of physical addresses. 52 where nothing says less. */
  readonly outputBits: number;
  readonly found: "registers" | "scan" | "acpi" | "given";
  /** PCI segment that the unit serves; 0 where nothing says otherwise. */
  readonly segment: number;
  /** What Linux calls it: `dmar0`, `ivhd1`, `arm-smmu-v3.2.auto`; null or absent: unknown. */
  readonly name?: string | null;
  /** Absent: nothing is known. */
  readonly abilities?: Abilities;
}

/**
 * translated: by page tables. identity: a valid entry says pass-through (VT-d TT 2 and PGTT 4, AMD-Vi mode 0).
 * bypass: the unit does not look (VT-d and SMMU off, AMD-Vi V = 0) or is told to let through (SMMUv3 CFG 4).
 * blocked: nothing passes.
 */
export type AttachmentState = "translated" | "identity" | "bypass" | "blocked";

/** An entry that was read on the way, for `--at`. */
export interface EntryRead {
  /** Byte address in the memory that holds it. */
  readonly at: number;
  /** Its 32-bit words, copied. */
  readonly words: Uint32Array;
  /** The layout that decodes it. */
  readonly about: About;
  /** What it led to: `context table at 0x3c02000`, `not present`. */
  readonly meaning: string;
}

/** What one device, or one PASID of it, is attached to. */
export interface Attachment {
  /** PCI segment, and requester id (bus << 8 | device << 3 | function); a stream id may exceed 16 bits. */
  readonly segment: number;
  readonly requester: number;
  /** null: requests without PASID, in tables that know none. Scalable mode's RID_PASID and SMMU's SSID 0 are numbers. */
  readonly pasid: number | null;
  readonly state: AttachmentState;
  /** Why, in words: `STE.Config is 0: abort`. */
  readonly why: string;
  /** VT-d DID, AMD-Vi DomainID, SMMUv3 ASID (first stage) or VMID (second); null where none applies. */
  readonly domain: number | null;
  readonly stage: "first" | "second" | "nested" | null;
  /** The device may use its own TLB (VT-d TT 1 or DTE, AMD-Vi I, SMMUv3 EATS). */
  readonly ats: boolean;
  /** Tables of the first stage: none, one, or two (SMMUv3 TTB0 and TTB1). Nested: addresses are second-stage inputs. */
  readonly first: readonly TableRoot[];
  readonly second: TableRoot | null;
  /** identity and bypass: what passes. Otherwise 3. */
  readonly allow: Allow;
  /** blocked: the unit's code of each refused access; absent: the unit is silent, or has one code for all such devices. */
  readonly records?: number;
  /** Entries that were read to get here, outermost first. */
  readonly entries: readonly EntryRead[];
}

/** A lookup that ended before an attachment. */
export interface LookupFault {
  /** The unit's own code for it: VT-d fault reason, AMD-Vi or SMMUv3 event number; null where the unit is silent. */
  readonly code: number | null;
  readonly why: string;
  readonly entries: readonly EntryRead[];
}

export type GoOn = (found: Attachment) => boolean;

/** How the device tables of one kind of unit are read. */
export interface DeviceTables {
  readonly kind: UnitKind;
  /**
   * Every device and PASID that has an entry, in ascending order. Entries that cannot be believed go to `troubles`.
   * AMD-Vi entries that are all zeros, and bits of tables that the image does not hold, are not devices.
   * @param goOn is shown each of them as it is found; the reading ends where it says false
   */
  attachments(memory: MemoryView, unit: UnitRoot, troubles: Troubles, goOn?: GoOn): Attachment[];
  /** One device as the unit would look it up for a request. @param pasid null = a request without PASID */
  lookup(memory: MemoryView, unit: UnitRoot, requester: number, pasid: number | null): Attachment | LookupFault;
}
