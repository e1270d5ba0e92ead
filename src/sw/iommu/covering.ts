/** The smallest aligned power of two of frames around a range: what invalidations of every vendor name. */
export interface Covering {
  readonly page: number;
  /** 2^n frames. */
  readonly lg2: number;
}

/** All there are: one more than any address has bits for. */
export const allFrames = { page: 0, lg2: 52 } as const satisfies Covering;

export function covering(first: number, last: number): Covering {
  let lg2 = 0;
  while (Math.floor(first / 2 ** lg2) !== Math.floor(last / 2 ** lg2)) lg2++;
  return { page: first - (first % 2 ** lg2), lg2 };
}

/** The page with its size in it: ones below its lowest zero, which is half of the size (PCI Express 6.0, 10.2.3.2). */
export function sizedPage({ page, lg2 }: Covering): number {
  if (lg2 === 0) return page;
  return lg2 >= allFrames.lg2 ? 2 ** 51 - 1 : page + 2 ** (lg2 - 1) - 1;
}
