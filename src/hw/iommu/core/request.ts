/** What a bus master asks an IOMMU for, and what it comes to. */

/** How a request's address is meant (PCI Express AT field). */
export const AddressType = { untranslated: 0, translationRequest: 1, translated: 2 } as const;
export type AddressType = (typeof AddressType)[keyof typeof AddressType];

/** One request, inside one page. */
export interface DmaRequest {
  /** bus << 8 | device << 3 | function; a stream id may exceed 16 bits. */
  readonly requester: number;
  /** null: the request carries none. */
  readonly pasid: number | null;
  /** Bits 63:12 of its address. */
  readonly frame: number;
  /** Bits 11:0 of it. */
  readonly offset: number;
  readonly write: boolean;
  readonly type: AddressType;
}

/** What became of a request. */
export const Outcome = {
  /** Not yet known. */
  none: 0,
  /** It reaches memory. */
  passes: 1,
  /** Refused, and recorded by the unit's code. */
  refused: 2,
  /** Refused without a word: the unit is told to be silent. */
  dropped: 3,
  /** A write to the range of interrupt messages: no memory. */
  message: 4,
  /** Refused, and the device is told that all went well: it reads zeros, and what it writes is lost. */
  swallowed: 5,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** What a request came to. */
export interface Resolution {
  readonly outcome: Outcome;
  /** passes: the frame it reaches. */
  readonly frame: number;
  /** passes: rights of the translation, bit 0 read, bit 1 write. */
  readonly allow: number;
  /** passes: log2 of the bytes that translate alike around the address. */
  readonly sizeLg2: number;
  /** refused: the unit's own code. */
  readonly code: number;
  /** The answer came from a cache: what tables say now was not asked. */
  readonly fromCache: boolean;
}
