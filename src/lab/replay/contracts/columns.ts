/** Columns of numbers that grow. */

type Column =
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** @returns the column with room for twice as many numbers, or for `length`; those that are new are `fill`. */
export function longer<C extends Column>(column: C, length = 2 * column.length, fill = 0): C {
  const Kind = column.constructor as new (length: number) => C;
  const more = new Kind(length);
  more.set(column);
  if (fill !== 0) more.fill(fill, column.length);
  return more;
}
