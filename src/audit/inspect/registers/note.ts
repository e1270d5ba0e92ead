/** What registers say beside where the tables are. */

/** Something that registers say and a reader of the answer should know. */
export interface RegisterNote {
  /** `unit-off`, `interrupt-remapping-off`, … : a stable name. */
  readonly rule: string;
  /** The unit: `vtd at 0xfed90000`. */
  readonly where: string;
  readonly what: string;
  readonly why: string;
}
