/** A stretch of physical addresses behind which is no memory, and what is there. */

export type PlaceKind =
  /** The registers of an IOMMU. */
  | "unit"
  /** PCI configuration space. */
  | "configuration"
  /** Interrupt controllers: a write there raises or redirects any interrupt. */
  | "interrupts"
  /** Doorbells that know who rings: a device raises its own interrupts and no other (GIC ITS). */
  | "translated interrupts"
  | "timer"
  | "tpm"
  | "flash"
  /** Windows of devices, and where they may lie. */
  | "window"
  /** Registers of the chipset that nothing above names. */
  | "chipset"
  /** Below 1 MiB on a PC: the window of the graphics, and ROMs. */
  | "legacy"
  /** On x86: a write of a device there is an interrupt and reaches nothing that lies there. */
  | "messages";

export interface Place {
  readonly kind: PlaceKind;
  /** `PCI configuration space of segment 0000, buses 00 to ff`. */
  readonly what: string;
  /** Half open, whole pages. */
  readonly from: number;
  readonly to: number;
}
