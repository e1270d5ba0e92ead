/** What is on the bus, from text or from configuration space, as findings ask for it. */
import { hexDigits } from "../../../base/hex.js";
import type { MemoryView } from "../../../mem/view.js";
import type { AcpiReading } from "../acpi/acpi_tables.js";
import type { BusDevice } from "../facts/known.js";
import { pciFromConfiguration } from "./configuration.js";
import type { PciDevice } from "./device.js";
import { pciFromText } from "./from_text.js";

/** @throws Unreadable when the text names no device. */
export const busFromText = (name: string, text: string): BusDevice[] => pciFromText(name, text).map(busDevice);

/** @returns null when the image does not hold configuration space, which is the usual case: it is no memory. */
export function busFromImage(image: MemoryView, acpi: AcpiReading | null): BusDevice[] | null {
  const found = acpi === null ? null : pciFromConfiguration(image, acpi.configuration);
  return found === null || found.length === 0 ? null : found.map(busDevice);
}

function busDevice({ vendor, device, name, ...rest }: PciDevice): BusDevice {
  const ids = vendor === null || device === null ? "" : `${hexDigits(vendor, 4)}:${hexDigits(device, 4)}`;
  const about = [ids, name ?? ""].filter((s) => s !== "").join(" ");
  return { ...rest, vendor, device, about };
}
