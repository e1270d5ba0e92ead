/** The dumps of a Xen domain that lie beside a recording, and which of them is from when. */
import type { GuestP2m } from "../../../read/xen/guest_p2m_file.js";
import type { M2pTable } from "../../../read/xen/m2p_file.js";
import type { P2mTable } from "../../../read/xen/p2m_file.js";
import type { PoolFile } from "../../../read/xen/pool_file.js";

/**
 * When a dump was taken, as far as its name and its neighbours say: before the recording, at its end, later, or at a
 * moment that is not known. `given` = the user named it.
 */
export type When = "given" | "before" | "unknown" | "end" | "later";

export interface Dated<T> {
  readonly name: string;
  readonly when: When;
  readonly table: T;
}

/** Of each kind the likeliest to be from just before the recording first. */
export interface XenFiles {
  readonly p2m: readonly Dated<P2mTable>[];
  readonly m2p: readonly Dated<M2pTable>[];
  readonly pool: readonly Dated<PoolFile>[];
  readonly guests: readonly GuestP2m[];
  /** Files that were passed over, and why. */
  readonly passedOver: readonly { readonly name: string; readonly used: string }[];
  /** Files that are no dumps and were read beside them. */
  readonly alsoRead?: readonly { readonly name: string; readonly used: string }[];
}

export const mayBeBefore = (when: When): boolean => when !== "end" && when !== "later";

export function whenWords(when: Dated<unknown>["when"]): string {
  switch (when) {
    case "given":
      return "as asked";
    case "before":
      return "taken before it";
    case "end":
      return "taken at its end";
    case "later":
      return "taken later";
    case "unknown":
      return "taken at a moment that its name does not tell";
  }
}
