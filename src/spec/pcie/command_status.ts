/**
 * Command and status of PCI configuration space, as one word of 32 bits.
 *
 * Source: PCI Local Bus Specification 3.0, 6.2.2 and 6.2.3.
 */
import { bit, bits, layout, register, registerMap } from "../../bits/index.js";

/** PCI command and status. */
export const pciCommandAndStatus = registerMap(
  { title: "PCI command and status", source: "PCI 3.0, 6.2", byteCount: 8 },
  { commandAndStatus: register(0x04, "rw1c", "Command in bits 15:0, Status in bits 31:16") },
);

/** Command and status. */
export const CommandAndStatus = layout(
  {
    title: "command and status",
    source: "PCI 3.0, 6.2.2, 6.2.3",
    bitCount: 32,
    ignored: [
      [27, 16],
      [31, 30],
    ],
  },
  {
    command: bits(15, 0, "bit 1 = memory, bit 2 = bus master"),
    receivedTargetAbort: bit(28, "a request of the device was refused"),
    receivedMasterAbort: bit(29, "nobody answered a request of the device"),
  },
);
