/** Numbers of the grant table hypercalls. Source: Xen include/public/grant_table.h (GNTMAP_*, GNTCOPY_*, GNTST_*). */

/** GNTMAP_*: what a map asks for, and what a map-track entry still holds. */
export const MapFlag = { device: 1, host: 2, readOnly: 4, application: 8, containsPte: 16 } as const;

/** GNTCOPY_*: which ends of a copy are references. */
export const CopyFlag = { sourceRef: 1, destRef: 2, canFail: 4 } as const;

/** GNTTAB_CACHE_*. */
export const CacheOp = { clean: 1, invalidate: 2, sourceRef: 0x8000_0000 } as const;

/** GNTST_*: every grant operation ends with one of these; above zero is never a status. */
export const GrantStatus = {
  okay: 0,
  generalError: -1,
  badDomain: -2,
  badGrantRef: -3,
  badHandle: -4,
  badVirtAddr: -5,
  badDevAddr: -6,
  noDeviceSpace: -7,
  permissionDenied: -8,
  badPage: -9,
  badCopyArg: -10,
  addressTooBig: -11,
  eagain: -12,
  noSpace: -13,
} as const;
export type GrantStatus = (typeof GrantStatus)[keyof typeof GrantStatus];

/** What the header says of each status, in its order. */
export const grantStatusText: readonly string[] = [
  "okay",
  "undefined error",
  "unrecognised domain id",
  "unrecognised or inappropriate grant reference",
  "unrecognised or inappropriate handle",
  "inappropriate virtual address to map",
  "inappropriate device address to unmap",
  "no more space in the I/O memory unit",
  "not enough privilege for the operation",
  "specified page was invalid for the operation",
  "copy arguments cross a page boundary",
  "transferred page address is too large",
  "operation not done; try again",
  "out of space (handles etc.)",
];

/** A domain that names itself. Source: xen.h. */
export const domainSelf = 0x7ff0;
/** Domain ids from here on are reserved. Source: xen.h, DOMID_FIRST_RESERVED. */
export const firstReservedDomain = 0x7ff0;
