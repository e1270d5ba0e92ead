/** A line of the table of measurements. */
export interface Row {
  /** What was done, on what. */
  what: string;
  /** The figure, with its unit. */
  measured: string;
  /** What it is meant to reach, with the unit. */
  target: string;
  note?: string;
}
