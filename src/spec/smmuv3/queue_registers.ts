/**
 * Registers of an SMMUv3 that say where its queues lie: commands, events, page requests.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, 6.3.26 (CMDQ_BASE), 6.3.29 (EVENTQ_BASE), PRIQ_BASE in the
 * same form. The unit aligns a queue's address to its size.
 */
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** SMMU queue base. */
export const QueueBase = layout(
  {
    title: "SMMU queue base",
    source: "IHI 0070 G, 6.3.26",
    bitCount: 64,
    reserved: [
      [61, 56],
      [63, 63],
    ],
  },
  {
    log2size: bits(4, 0, "2^n entries, at most what IDR1 says"),
    addr: bits(55, 5, "queue, in units of 32 bytes"),
    hint: bit(62, "allocation hint"),
  },
);
/** Bytes of an entry. Source: IHI 0070 G, 4.1.1 (commands), 7.3 (events), 8.2 (page requests). */
export const queueEntryBytes = { commands: 16, events: 32, pageRequests: 16 } as const;
