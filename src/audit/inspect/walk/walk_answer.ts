/** The answer to "where does this address of this device lead": every entry that the unit reads, and the end. */
import type { About } from "../../../bits/layout.js";
import type { Attachment, AttachmentState } from "../../../table/device/attachment.js";
import type { Allow } from "../../../table/root.js";
import type { DeviceId } from "../device_name.js";

/** One entry that was read. */
export interface WalkStep {
  /** Byte address; under nesting, of first-stage entries, in the memory that the first stage sees. */
  readonly at: number;
  readonly words: Uint32Array;
  readonly about: About;
  /** What the vendor calls it there: `context entry`, `second-stage PDE`. */
  readonly name: string;
  /** What it led to, in words. */
  readonly meaning: string;
  readonly stage: "device" | "first" | "second";
  /** Page tables: the address that this stage translates, and which of its bits chose the entry. */
  readonly input?: bigint;
  readonly indexBits?: { readonly msb: number; readonly lsb: number };
}

/** What the unit would record. */
export interface WalkFault {
  /** The unit's own number; null where it is silent. */
  readonly code: number | null;
  /** `fault reason 5`, `IO_PAGE_FAULT`, `F_TRANSLATION`. */
  readonly name: string;
  /** What the code means, as a sentence. */
  readonly words: string;
  /** What was expected and what was found here. */
  readonly why: string;
}

export interface WalkAnswer {
  readonly device: DeviceId;
  /** Who was asked for, where that device sends under the id of `device`. */
  readonly sentBy?: DeviceId;
  readonly pasid: number | null;
  readonly iova: bigint;
  /** Index of the unit. */
  readonly unit: number;
  /** null: the lookup of the device ended in a fault. */
  readonly attachment: Attachment | null;
  readonly state: AttachmentState | null;
  readonly steps: readonly WalkStep[];
  readonly end: WalkEnd;
}

export type WalkEnd =
  | {
      readonly kind: "page";
      readonly paddr: bigint;
      /** Bytes of the page; 0 where nothing translates. */
      readonly bytes: number;
      readonly allow: Allow;
      /** The fault of each access that the page does not allow. */
      readonly refusals: readonly { readonly access: "read" | "write"; readonly fault: WalkFault }[];
    }
  | { readonly kind: "fault"; readonly fault: WalkFault };
