/** One structure of one unit that is replaced: what its entries may say, who writes them how, and what a unit reads in them. */
import type { EntryFormat } from "../../sw/iommu/entry/entry_format.js";
import type { Sequence, TagName } from "../../sw/iommu/entry/sequences/sequence.js";
import type { Widths } from "../../sw/iommu/entry/write_entry.js";
import type { Attachment, LookupFault } from "../../table/device/index.js";
import type { Tag } from "./view.js";

export type FetchOrder = "ascending" | "any";

/** Whose tables an entry leads to. */
export type Side = "old" | "new";

export interface ReplacedEntry {
  readonly title: string;
  readonly format: EntryFormat;
  /** What processors store and units fetch at once. */
  readonly widths: Widths;
  /** The unit keeps entries that do not count, until it is told to forget them. */
  readonly keepsInvalid: boolean;
  /**
   * In which order a unit reads pieces. Ascending: no further than the first where that says that the entry does not count,
   * as of units for which software need not have an entry forgotten that did not count.
   */
  readonly fetchOrder: FetchOrder;
  /** What a device is attached to, by name. */
  readonly kinds: Readonly<Record<string, { readonly title: string }>>;
  readonly sequences: Readonly<Record<string, Sequence>>;
  entry(kind: string, side: Side): Uint32Array;
  retagged(entry: Uint32Array, tag: TagName): Uint32Array;
  /** What the unit takes the entry for. */
  found(entry: Uint32Array): Attachment | LookupFault;
  /** What translations of it are kept under. */
  tagOf(found: Attachment): Tag;
}
