/** A stretch of physical memory, half open. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}
