/** What is mutated, by which mutators, and which tests must notice. */

/** Each area has an equal share of a sample. `tests` must notice: those written of the area, not whatever else runs it. */
export const areas = [
  { name: "table", source: "src/table", tests: ["test/table/**"] },
  { name: "swiotlb", source: "src/sw/swiotlb", tests: ["test/sw/swiotlb/**", "test/lab/*", "test/lab/replay/**"] },
  { name: "xen", source: "src/sw/xen", tests: ["test/sw/xen/**", "test/sw/engine/**", "test/sw/driver/**"] },
  { name: "audit", source: "src/audit", tests: ["test/audit/**"] },
  { name: "replay", source: "src/lab/replay", tests: ["test/lab/*", "test/lab/replay/**"] },
];

/**
 * Mutators of StrykerJS that do not count. Most strings are prose, whose wording need not be pinned; the others are
 * names in unions of types, and the compiler refuses an empty one.
 */
export const leftOut = ["StringLiteral"];
