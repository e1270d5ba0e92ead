/** The reasons of a failed mapping, in words. One row for each; a reason without a row does not compile. */
import type { RefusalGroup } from "../../lab/machine/run/refusal_groups.js";
import type { FailureReason } from "../../lab/replay/contracts/refusal.js";

interface ReasonWords {
  /** A few words, for a heading. */
  readonly title: string;
  /** What it means, for someone who never read the kernel. */
  readonly meaning: string;
}

/** Source: Linux kernel/dma/swiotlb.c, the conditions under which a search ends without slots. */
export const reasonWords: Readonly<Record<FailureReason, ReasonWords>> = {
  "too-large": {
    title: "too large for any pool",
    meaning: "one mapping can hold 256 KiB at most, less the room that the device's alignment takes; no pool is enough",
  },
  exhausted: {
    title: "pool exhausted",
    meaning: "fewer free slots in the whole pool than the request needs: a larger pool helps",
  },
  fragmented: {
    title: "pool fragmented",
    meaning: "enough free slots, but no run of them long enough inside one set of 128 slots",
  },
  area: {
    title: "no area had room",
    meaning:
      "the pool is divided into areas, one CPU searches first in its own; all had too little, together there was enough",
  },
  alignment: {
    title: "no aligned run",
    meaning: "runs long enough exist, but none begins where the device's alignment wants it",
  },
  boundary: {
    title: "every run crosses the boundary",
    meaning: "runs long enough exist, but each crosses an address that the device's transfers must not cross",
  },
  mask: {
    title: "pool out of the device's reach",
    meaning: "the pool lies above the highest address that the device can put on the bus",
  },
  absent: { title: "no pool", meaning: "the mapping needed a bounce buffer and the machine has none" },
  unknown: {
    title: "reason not shown",
    meaning: "the kernel refused where the model would have had room: the recording does not show why",
  },
};

const { unknown: _, ...ofPools } = reasonWords;

/** The same of what engines of a described machine refuse. */
export const refusalWords: Readonly<Record<RefusalGroup["reason"], ReasonWords>> = {
  ...ofPools,
  "unknown-address": {
    title: "bus address unknown",
    meaning: "nobody in this kernel can tell where the page lies on the bus",
  },
  "no-bounce": {
    title: "may not bounce",
    meaning: "the mapping would have to bounce, and its kind of memory must not",
  },
  "not-coherent": {
    title: "not coherent",
    meaning: "the buffer must be coherent, and the device does not see the cache",
  },
  "no-mask": { title: "no mask", meaning: "the driver maps before it has set a DMA mask" },
  registers: { title: "registers out of reach", meaning: "the device does not reach the other device's registers" },
  "foreign-grant": {
    title: "foreign page",
    meaning: "a page that another domain granted cannot be granted on to a third",
  },
  "no-grants": { title: "no grants", meaning: "the device cannot be served by grants" },
  references: { title: "no references", meaning: "no run of free grant references is long enough" },
  "no-address": {
    title: "no address left",
    meaning: "the device's domain has no room below the highest address that the device can put on the bus",
  },
  "empty-list": { title: "empty list", meaning: "the driver mapped a list without an entry" },
};
