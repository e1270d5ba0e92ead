/**
 * What every IOMMU's fault codes have in common: the handful of things that can be wrong with a DMA.
 *
 * Each vendor's table of codes names one of these, so that the advice for a reader is written once.
 */
export type FaultKind =
  /** The unit has no usable entry for the device that sent the request. */
  | "no-entry"
  /** An entry or table holds what the unit must refuse: reserved bits, impossible settings. */
  | "bad-table"
  /** The unit could not read or write its own table in memory. */
  | "table-access"
  /** Nothing is mapped at the address. */
  | "unmapped"
  /** Mapped, but not for this kind of access. */
  | "permission"
  /** Either of the two above: the format has no bit that tells them apart. */
  | "unmapped-or-permission"
  /** The address has more bits than the tables, or than the unit, can translate. */
  | "address-width"
  /** A kind of request that the device's entry forbids: translated, with PASID, a translation request. */
  | "request-type"
  /** Memory access to or through the range that means interrupts. */
  | "interrupt-range"
  /** An interrupt, not a DMA, was refused by interrupt remapping. */
  | "interrupt"
  /** A command of software to the unit failed: a bad descriptor, or a device that did not answer a flush. */
  | "command"
  /** The platform's own check of memory ownership (confidential guests) refused it. */
  | "ownership"
  /** Two cached copies disagree: software changed an entry without the required flush. */
  | "conflict";
