/**
 * Legacy descriptors of the Intel 8254x network controllers.
 *
 * Source: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453), 3.2.3 (receive)
 * and 3.3.3 (transmit).
 */
import { address64, bit, bits, layout } from "../../bits/index.js";

/** Bytes of a descriptor of either ring. */
export const nicDescriptorBytes = 16;

/** Bytes of a receive buffer (RCTL.BSIZE = 00b). */
export const nicBufferBytes = 2048;

/** Receive descriptor. */
export const RxDescriptor = layout(
  { title: "receive descriptor", source: "8254x manual, 3.2.3", bitCount: 128 },
  {
    address: address64(0, "bus address of the buffer"),
    length: bits(79, 64, "bytes that were written"),
    checksum: bits(95, 80, "of the packet"),
    done: bit(96, "the hardware has finished with it (DD)"),
    endOfPacket: bit(97, "the packet ends here (EOP)"),
    status: bits(103, 98, "further status"),
    errors: bits(111, 104, "receive errors"),
    special: bits(127, 112, "VLAN tag"),
  },
);

/** Legacy transmit descriptor. */
export const TxDescriptor = layout(
  { title: "legacy transmit descriptor", source: "8254x manual, 3.3.3", bitCount: 128, reserved: [[103, 100]] },
  {
    address: address64(0, "bus address of the data"),
    length: bits(79, 64, "bytes"),
    checksumOffset: bits(87, 80, "where to put a checksum (CSO)"),
    endOfPacket: bit(88, "the packet ends here (EOP)"),
    insertFcs: bit(89, "append the frame check sequence (IFCS)"),
    insertChecksum: bit(90, "insert a checksum (IC)"),
    reportStatus: bit(91, "write the status back (RS)"),
    command: bits(95, 92, "further commands"),
    done: bit(96, "the hardware has finished with it (DD)"),
    status: bits(99, 97, "further status"),
    checksumStart: bits(111, 104, "where to start a checksum (CSS)"),
    special: bits(127, 112, "VLAN tag"),
  },
);
