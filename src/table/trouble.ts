/** What is wrong in tables that were read: one entry each, while the rest is still answered. */

/** Why an entry was not followed or not believed. */
export type TroubleKind =
  /** It points to a table that is being walked above it; it is followed all the same, as a unit does. */
  | "cycle"
  /** It points to memory that the image does not hold. */
  | "outside"
  /** Reserved bits are set, or a field holds a reserved value. */
  | "reserved"
  /** Its address is wider than the unit's or the format's output. */
  | "address-size"
  /** The tables go on beyond a limit of this tool: the answer is cut. */
  | "limit";

/** An entry that was not followed or not believed. */
export interface Trouble {
  readonly kind: TroubleKind;
  /** Byte address of the entry. */
  readonly entryAt: number;
  /** Its value, as a hexadecimal string with 0x. */
  readonly value: string;
  /** Input address that it would translate, for a page-table entry; null for a device's entry. */
  readonly iova: number | null;
  /** Level in the table's own numbering (0 = only leaves); null for a device's entry. */
  readonly level: number | null;
  /** What was expected and what was found, as a sentence. */
  readonly what: string;
}

/** Troubles of one reading: the first ones in full, the others counted. That an answer is cut is always kept. */
export class Troubles {
  readonly list: Trouble[] = [];
  total = 0;
  readonly #max: number;

  constructor(max = 200) {
    this.#max = max;
  }

  /** Nothing more is kept in full: who would have to compose a trouble may count it instead, in `total`. */
  get full(): boolean {
    return this.list.length >= this.#max;
  }

  add(trouble: Trouble): void {
    this.total++;
    if (!this.full || trouble.kind === "limit") this.list.push(trouble);
  }
}
