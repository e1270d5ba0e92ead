/** A function on the PCI bus, as far as a text or its configuration space tells. */

/** A stretch of physical memory, half open. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export interface PciDevice {
  readonly segment: number;
  /** Requester id. */
  readonly requester: number;
  readonly vendor: number | null;
  readonly device: number | null;
  /** Base class and subclass, as lspci prints them: 0x0108. */
  readonly class: number | null;
  /** `SATA controller`, as the text has it. */
  readonly name: string | null;
  /** All that a text calls it: `RAID bus controller: Intel Corporation Volume Management Device`; null: it does not. */
  readonly text: string | null;
  /** Buses right below and last below; null for what is no bridge, or not said. */
  readonly buses: { readonly secondary: number; readonly subordinate: number } | null;
  /** The device uses its own TLB, and may send PASIDs; null: not said. */
  readonly ats: boolean | null;
  readonly pasid: boolean | null;
  /** Its windows into physical memory. */
  readonly bars: readonly Window[];
  /** Requester ids of its virtual functions; null: it has none, or nobody says. */
  readonly virtualFunctions: readonly number[] | null;
}

/** What a reader knows before it has read anything. */
export const nothingKnown: Omit<PciDevice, "segment" | "requester"> = {
  ...{ vendor: null, device: null, class: null, name: null, text: null, buses: null, ats: null, pasid: null },
  ...{ bars: [], virtualFunctions: null },
};

export type Growing<T> = { -readonly [K in keyof T]: T[K] };

/** A bus number and a slot have 16 bits together, and functions of many segments fit a list. */
export const devicesMax = 65536;

/** Virtual functions as the SR-IOV capability numbers them. Source: PCI Express 6.0, 9.3.3.9, 9.3.3.10. */
export function virtualFunctionsOf(
  requester: number,
  { count, offset, stride }: { readonly count: number; readonly offset: number; readonly stride: number },
): number[] | null {
  if (count === 0 || offset === 0 || count > 0xffff) return null;
  const ids = Array.from({ length: count }, (_, n) => requester + offset + n * stride);
  return ids.filter((id) => id <= 0xffff);
}
