/** Error numbers that hypercalls return as negative values. Source: Xen include/public/errno.h. */
export const Errno = {
  perm: -1,
  noEntry: -2,
  noDomain: -3,
  tooBig: -7,
  again: -11,
  noMemory: -12,
  access: -13,
  fault: -14,
  busy: -16,
  exists: -17,
  invalid: -22,
  noSpace: -28,
  noCall: -38,
  unsupported: -95,
} as const;
export type Errno = (typeof Errno)[keyof typeof Errno];
