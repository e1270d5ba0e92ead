/**
 * Registers of the Intel 8254x network controllers, as far as one transmit and one receive ring need them.
 *
 * Source: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453), 13.4.
 */
import { bit, layout, register, register64, registerMap } from "../../bits/index.js";

/** 8254x. */
export const nicRegisters = registerMap(
  { title: "8254x", source: "8254x manual, 13.4", byteCount: 0x3820 },
  {
    control: register(0x0000, "rw", "CTRL"),
    interruptCause: register(0x00c0, "clearedByRead", "ICR: what has happened since it was read"),
    receiveBase: register64(0x2800, "rw", "RDBAL and RDBAH, a bus address"),
    receiveLength: register(0x2808, "rw", "RDLEN, bytes"),
    receiveHead: register(0x2810, "rw", "RDH, the hardware's"),
    receiveTail: register(0x2818, "rw", "RDT, the driver's"),
    transmitBase: register64(0x3800, "rw", "TDBAL and TDBAH, a bus address"),
    transmitLength: register(0x3808, "rw", "TDLEN, bytes"),
    transmitHead: register(0x3810, "rw", "TDH, the hardware's"),
    transmitTail: register(0x3818, "rw", "TDT, the driver's"),
  },
);

/** CTRL. */
export const DeviceControl = layout(
  {
    title: "CTRL",
    source: "8254x manual, 13.4.1",
    bitCount: 32,
    ignored: [
      [25, 0],
      [31, 27],
    ],
  },
  { reset: bit(26, "RST: the rings begin anew") },
);

/** ICR. */
export const InterruptCause = layout(
  {
    title: "ICR",
    source: "8254x manual, 13.4.17",
    bitCount: 32,
    ignored: [
      [6, 1],
      [31, 8],
    ],
  },
  { sent: bit(0, "TXDW: a descriptor was written back"), received: bit(7, "RXT0: a packet is there") },
);
