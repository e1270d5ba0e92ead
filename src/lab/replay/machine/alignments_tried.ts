/** Pairs of values that real drivers use, tried where the driver is not known, likeliest first. */
export const alignmentsTried: readonly { readonly minAlignMask: number; readonly boundary: number }[] = [
  { minAlignMask: 0, boundary: 0 },
  { minAlignMask: 0xfff, boundary: 0 },
  { minAlignMask: 0, boundary: 0x10000 },
  { minAlignMask: 0x1ff, boundary: 0 },
  { minAlignMask: 0x7ff, boundary: 0 },
  { minAlignMask: 0x3fff, boundary: 0 },
  { minAlignMask: 0xffff, boundary: 0 },
  { minAlignMask: 0xfff, boundary: 0x10000 },
  { minAlignMask: 0, boundary: 0x20000 },
  { minAlignMask: 0, boundary: 0x8000 },
  { minAlignMask: 0, boundary: 0x1000 },
];
