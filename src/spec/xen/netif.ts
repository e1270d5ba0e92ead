/**
 * The network interface: transmit and receive requests and responses.
 *
 * Source: Xen include/public/io/netif.h (netif_tx_request, netif_extra_info, netif_tx_response, netif_rx_request,
 * netif_rx_response).
 */
import { bit, bits, layout } from "../../bits/index.js";

/** Bytes of an entry of the transmit ring. */
export const netTxEntryBytes = 12;
/** Bytes of an entry of the receive ring. */
export const netRxEntryBytes = 8;
/** `none`: the place of extra information, which is no request. */
export const NetStatus = { dropped: -2, error: -1, okay: 0, none: 1 } as const;

/** Slots that one packet may take, in back ends behind its first one (XEN_NETIF_NR_SLOTS_MIN, XEN_NETBK_LEGACY_SLOTS_MAX). */
export const netSlotsMax = 18;
/** Bytes of a packet's head that the back end copies instead of mapping (XEN_NETBACK_TX_COPY_LEN). */
export const netHeadBytes = 128;

/** Network transmit request. */
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

/** Kinds of extra information; from `end` on there are none. */
export const NetExtraType = {
  segmentation: 1,
  multicastAdd: 2,
  multicastDelete: 3,
  hash: 4,
  headroom: 5,
  end: 6,
} as const;
/** Kinds of segmentation: TCP over IPv4, and over IPv6. */
export const netSegmentationTypes: readonly number[] = [1, 2];

/** What stands in the slot behind one with `extraInfo`. */
export const NetExtraInfo = layout(
  { title: "network extra information", source: "netif.h, netif_extra_info", bitCount: 96, ignored: [[95, 48]] },
  {
    type: bits(7, 0, "NetExtraType"),
    more: bit(8, "more extra information follows"),
    flags: bits(15, 9, "unused"),
    segmentBytes: bits(31, 16, "segmentation: bytes of each segment"),
    segmentationType: bits(39, 32, "segmentation: netSegmentationTypes"),
    pad: bits(47, 40, "unused"),
  },
);

/** Network transmit response. */
export const NetTxResponse = layout(
  { title: "network transmit response", source: "netif.h, netif_tx_response", bitCount: 32 },
  { id: bits(15, 0, "of the request"), status: bits(31, 16, "NetStatus as a 16-bit number with sign") },
);

/** Network receive request. */
export const NetRxRequest = layout(
  { title: "network receive request", source: "netif.h, netif_rx_request", bitCount: 64, ignored: [[31, 16]] },
  { id: bits(15, 0, "given back in the response"), ref: bits(63, 32, "grant of the page to fill") },
);

/** Network receive response. */
export const NetRxResponse = layout(
  { title: "network receive response", source: "netif.h, netif_rx_response", bitCount: 64 },
  {
    id: bits(15, 0, "of the request"),
    offset: bits(31, 16, "first byte in the page"),
    flags: bits(47, 32, "bit 2: the packet goes on in the next slot"),
    status: bits(63, 48, "bytes, or NetStatus, as a 16-bit number with sign"),
  },
);
