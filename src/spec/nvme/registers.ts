/**
 * NVMe: the controller's registers, as far as a controller with one pair of queues needs them.
 *
 * Source: NVM Express Base Specification 2.0, 3.1.3 (properties); NVMe over PCIe Transport Specification 1.0, 3.1.2 (doorbells).
 */
import { bit, bits, layout, register, register64, registerMap } from "../../bits/index.js";

/** NVMe controller. */
export const nvmeRegisters = registerMap(
  { title: "NVMe controller", source: "NVMe 2.0, 3.1.3", byteCount: 0x1008 },
  {
    configuration: register(0x14, "rw", "CC"),
    status: register(0x1c, "ro", "CSTS"),
    queueSizes: register(0x24, "rw", "AQA"),
    submissionQueue: register64(0x28, "rw", "ASQ, a bus address"),
    completionQueue: register64(0x30, "rw", "ACQ, a bus address"),
    submissionTail: register(0x1000, "rw", "doorbell: index after the last command"),
    completionHead: register(0x1004, "rw", "doorbell: index of the first completion that was not taken"),
  },
);

/** CC. */
export const ControllerConfiguration = layout(
  { title: "CC", source: "NVMe 2.0, 3.1.3.5", bitCount: 32, ignored: [[31, 1]] },
  { enable: bit(0, "1 = commands are processed; from 1 to 0 resets the controller") },
);

/** CSTS. */
export const ControllerStatus = layout(
  { title: "CSTS", source: "NVMe 2.0, 3.1.3.6", bitCount: 32, ignored: [[31, 2]] },
  {
    ready: bit(0, "1 = commands are processed"),
    fatal: bit(1, "CFS: it has stopped, and could not tell it through a completion"),
  },
);

/** AQA. */
export const QueueSizes = layout(
  {
    title: "AQA",
    source: "NVMe 2.0, 3.1.3.8",
    bitCount: 32,
    reserved: [
      [15, 12],
      [31, 28],
    ],
  },
  { submission: bits(11, 0, "entries, less one"), completion: bits(27, 16, "entries, less one") },
);
