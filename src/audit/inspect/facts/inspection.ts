/** What `inspect` found in one image: the contract between the audit, the reports and programs. */
import type { FrameRun } from "../../../read/image/image.js";
import type { Attachment, UnitRoot } from "../../../table/device/attachment.js";
import type { Ranges } from "../../../table/ranges.js";
import type { Trouble } from "../../../table/trouble.js";
import type { AcpiReading } from "../acpi/acpi_tables.js";
import type { Place } from "../place.js";
import type { Stretch } from "../stretch.js";

/** One device or PASID with all that it reaches. */
export interface DeviceReach extends Attachment {
  /** Index into `units`. */
  readonly unit: number;
  /** See `DeviceId`. */
  readonly stream?: number;
  readonly path?: string | null;
  /** Merged translations, ascending by iova; null when the device is not translated. */
  readonly ranges: Ranges | null;
  /** Troubles of this device's page tables. */
  readonly troubles: readonly Trouble[];
  /** false: a limit was met, and there are pages that `ranges` does not have. */
  readonly everyPage: boolean;
}

/**
 * trouble: a device reaches what it should not, or tables are wrong. unproven: what was given does not show that devices
 * are confined. note: worth knowing, and no reason to doubt.
 */
export type Weight = "trouble" | "unproven" | "note";

const weights: readonly Weight[] = ["trouble", "unproven", "note"];

/** @returns the weightiest first, otherwise as they stand. */
export const inOrder = (findings: readonly Finding[]): Finding[] =>
  weights.flatMap((weight) => findings.filter((f) => f.weight === weight));

/** Something that a reader should know, with where and why. */
export interface Finding {
  /** A stable name of the rule: `ats-trusted`, `table-writable`, `no-entry`. */
  readonly rule: string;
  readonly weight: Weight;
  readonly what: string;
  /** A device, an address range or a file offset. */
  readonly where: string;
  readonly why: string;
  /** Devices that it is about, as indices into `devices`; absent when it is about none in particular. */
  readonly devices?: readonly number[];
  /** Physical memory that it is about. */
  readonly place?: { readonly paddr: number; readonly bytes: number };
}

/** What the firmware's tables say. */
export interface FirmwareSays {
  readonly reading: AcpiReading;
  /** For each unit of the reading the index of the inspection's unit that it is; -1: it is not read. */
  readonly units: readonly number[];
}

export interface Inspection {
  readonly source: {
    readonly file: string;
    readonly format: string;
    readonly machine: string | null;
    /** Bytes of memory that the image holds. */
    readonly bytes: number;
    /** The frames that it holds, ascending. */
    readonly runs?: readonly FrameRun[];
    /** What of it is RAM, ascending; null: the image is not known to hold all of the machine's memory. */
    readonly ram?: readonly Stretch[] | null;
    /** How the tables were found, what was left out, and what could not be told: sentences. */
    readonly notes?: readonly string[];
  };
  readonly units: readonly UnitRoot[];
  readonly devices: readonly DeviceReach[];
  /** Troubles of the device tables, for each unit; those of page tables are with their devices. */
  readonly unitTroubles?: readonly (readonly Trouble[])[];
  /** Units of whose own table the image holds nothing, as indices into `units`: of their devices nothing is known. */
  readonly unreadUnits?: readonly number[];
  readonly findings: readonly Finding[];
  /** What is known to be no memory: ascending, apart from each other. */
  readonly places?: readonly Place[];
  /** null or absent: the image holds no tables of the firmware. */
  readonly firmware?: FirmwareSays | null;
}
