/**
 * The flattened device tree: header and tokens; all numbers are big-endian.
 *
 * Source: Devicetree Specification 0.4, sections 5.2 (header), 5.4 (structure block).
 */
export const blobMagic = 0xd00dfeed;
/** The magic number as a little-endian word reads it. */
export const blobMagicWord = 0xedfe0dd0;
/** Byte offsets in the header. */
export const blobOffsets = { magic: 0, bytes: 4, structure: 8, strings: 12 } as const;
export const blobHeaderBytes = 40;
export const Token = { begin: 1, end: 2, property: 3, nothing: 4, last: 9 } as const;
/** Cells of addresses and of sizes below a node that does not say (section 2.3.5). */
export const cellsUsual = { address: 2, size: 1 } as const;
