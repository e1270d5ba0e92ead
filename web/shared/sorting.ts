/** Sorting the rows of a table by one of its columns. */

export interface SortColumn<Row> {
  readonly title: string;
  readonly key: (row: Row) => number | string;
  /** True for a column of numbers, which begins with the largest. */
  readonly numeric: boolean;
}

/** @returns a sorted copy; rows that are equal keep their order. */
export function sorted<Row>(rows: readonly Row[], column: SortColumn<Row>, descending: boolean): Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const x = column.key(a);
    const y = column.key(b);
    return x === y ? 0 : x < y ? -sign : sign;
  });
}
