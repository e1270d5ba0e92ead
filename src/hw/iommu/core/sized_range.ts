/** Ranges as invalidations name them: by the address alone. */

/**
 * The lowest zero of the address from bit 12 on says how many pages: 2, 4, 8, ...; without a zero, all.
 *
 * Source: PCI Express 6.0, 10.3 (S of an Invalidate Request); AMD IOMMU 48882, 2.4.3.
 * @param page bits 63:12 of the address @param isSized false: one page
 * @returns first frame, a multiple of how many; at most 2^52
 */
export function sizedRange(page: number, isSized: boolean): { readonly frame: number; readonly frameCount: number } {
  if (!isSized) return { frame: page, frameCount: 1 };
  let lg2 = 1;
  let rest = page;
  while (rest % 2 === 1) {
    rest = Math.floor(rest / 2);
    lg2++;
  }
  const frameCount = 2 ** Math.min(lg2, 52);
  return { frame: page - (page % frameCount), frameCount };
}
