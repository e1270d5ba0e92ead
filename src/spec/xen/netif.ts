/**
 * The network interface: transmit and receive requests and responses.
 *
 * Source: Xen include/public/io/netif.h (netif_tx_request, netif_tx_response, netif_rx_request, netif_rx_response).
 */
import { bit, bits, layout } from "../../bits/index.js";

export const netTxEntryBytes = 12;
export const netRxEntryBytes = 8;
export const NetStatus = { dropped: -2, error: -1, okay: 0 } as const;

/** Slots that one packet may take (XEN_NETIF_NR_SLOTS_MIN). */
export const netSlotsMax = 18;
/** Bytes of a packet's head that the back end copies instead of mapping (XEN_NETBACK_TX_COPY_LEN). */
export const netHeadBytes = 128;

export const NetTxRequest = layout(
  { title: "network transmit request", source: "netif.h, netif_tx_request", bitCount: 96, reserved: [[63, 52]] },
  {
    ref: bits(31, 0, "grant of the page"),
    offset: bits(47, 32, "first byte in the page"),
    checksumBlank: bit(48, "the checksum is not filled in"),
    dataValidated: bit(49, "the data was checked"),
    moreData: bit(50, "the packet goes on in the next slot"),
    extraInfo: bit(51, "the next slot describes the packet"),
    id: bits(79, 64, "given back in the response"),
    size: bits(95, 80, "bytes: of the whole packet in its first slot, of the slot in the others"),
  },
);

export const NetTxResponse = layout(
  { title: "network transmit response", source: "netif.h, netif_tx_response", bitCount: 32 },
  { id: bits(15, 0, "of the request"), status: bits(31, 16, "NetStatus as a 16-bit number with sign") },
);

export const NetRxRequest = layout(
  { title: "network receive request", source: "netif.h, netif_rx_request", bitCount: 64, ignored: [[31, 16]] },
  { id: bits(15, 0, "given back in the response"), ref: bits(63, 32, "grant of the page to fill") },
);

export const NetRxResponse = layout(
  { title: "network receive response", source: "netif.h, netif_rx_response", bitCount: 64 },
  {
    id: bits(15, 0, "of the request"),
    offset: bits(31, 16, "first byte in the page"),
    flags: bits(47, 32, "bit 2: the packet goes on in the next slot"),
    status: bits(63, 48, "bytes, or NetStatus, as a 16-bit number with sign"),
  },
);
