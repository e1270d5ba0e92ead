/**
 * Registers of an SMMUv3 by which it is worked with: indexes of its queues, interrupts, global errors.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, 6.3.12 (CR2), 6.3.16 (IRQ_CTRL), 6.3.18 (GERROR), 6.3.20
 * (GERROR_IRQ_CFG0), 6.3.27 and 6.3.28 (CMDQ_PROD, CMDQ_CONS), 6.3.30 to 6.3.32 (EVENTQ).
 */
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

const source = (section: string) => `IHI 0070 G, ${section}`;

/** SMMU_CR2. */
export const Cr2 = layout(
  { title: "SMMU_CR2", source: source("6.3.12"), bitCount: 32, reserved: [[31, 4]] },
  {
    e2h: bit(0, "EL2 streams have ASIDs"),
    recInvSid: bit(1, "streams beyond the table are recorded"),
    ptm: bit(2, "broadcast invalidations are ignored"),
    recCfgAts: bit(3, "configuration errors of ATS requests are recorded"),
  },
);

/** SMMU_IRQ_CTRL and SMMU_IRQ_CTRLACK. */
export const InterruptControl = layout(
  { title: "SMMU_IRQ_CTRL", source: source("6.3.16"), bitCount: 32, reserved: [[31, 3]] },
  {
    gerror: bit(0, "interrupts tell of global errors"),
    priq: bit(1, "interrupts tell of page requests"),
    eventq: bit(2, "interrupts tell of events"),
  },
);

/** SMMU_GERROR and SMMU_GERRORN. */
export const GlobalError = layout(
  {
    title: "SMMU_GERROR",
    source: source("6.3.18"),
    bitCount: 32,
    reserved: [
      [1, 1],
      [31, 11],
    ],
  },
  {
    cmdq: bit(0, "a command was refused and the queue stopped"),
    eventqAbort: bit(2, "an event could not be written"),
    priqAbort: bit(3, "a page request could not be written"),
    msiCmdqAbort: bit(4, "the message of a CMD_SYNC was lost"),
    msiEventqAbort: bit(5, "the message of the event queue was lost"),
    msiPriqAbort: bit(6, "the message of the page request queue was lost"),
    msiGerrorAbort: bit(7, "the message of a global error was lost"),
    sfm: bit(8, "service failure mode"),
    cmdqp: bit(9, "an enhanced command queue failed"),
    dpt: bit(10, "a look-up in the device permission table failed"),
  },
);

/** SMMU_*_IRQ_CFG0: where an interrupt's message goes. */
export const MessageAddress = layout(
  {
    title: "SMMU message address",
    source: source("6.3.20"),
    bitCount: 64,
    reserved: [
      [1, 0],
      [63, 52],
    ],
  },
  { address: bits(51, 2, "in units of 4 bytes; 0 = no message") },
);

/** SMMU_CMDQ_CONS. */
export const CommandConsumer = layout(
  {
    title: "SMMU_CMDQ_CONS",
    source: source("6.3.28"),
    bitCount: 32,
    reserved: [
      [23, 20],
      [31, 31],
    ],
  },
  {
    rd: bits(19, 0, "index of the next command, the wrap bit above it"),
    err: bits(30, 24, "why the queue stopped"),
  },
);

/** SMMU_CMDQ_PROD, SMMU_EVENTQ_PROD and SMMU_EVENTQ_CONS. */
export const QueueIndex = layout(
  { title: "SMMU queue index", source: source("6.3.31"), bitCount: 32, reserved: [[30, 20]] },
  {
    index: bits(19, 0, "the wrap bit above it"),
    overflow: bit(31, "output queues: records were lost while PROD and CONS differ here"),
  },
);
