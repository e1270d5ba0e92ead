/** What is on the bus, from text or from configuration space, with the windows of devices where the text has them. */
import type { MemoryView } from "../../mem/view.js";
import type { AcpiReading } from "./acpi/acpi_tables.js";
import type { BusDevice, Stretch } from "./findings/known.js";
import { type PciDevice, pciFromConfiguration, pciFromText } from "./pci.js";

/** @throws Unreadable when the text names no device. */
export function busFromText(name: string, text: string): BusDevice[] {
  const windows = windowsOf(text);
  return pciFromText(name, text).map((d) => ({ ...busDevice(d), bars: windows.get(keyOf(d)) ?? [] }));
}

/** @returns null when the image does not hold configuration space, which is the usual case: it is no memory. */
export function busFromImage(image: MemoryView, acpi: AcpiReading | null): BusDevice[] | null {
  const found = acpi === null ? null : pciFromConfiguration(image, acpi.configuration);
  return found === null || found.length === 0 ? null : found.map(busDevice);
}

const keyOf = ({ segment, requester }: Pick<PciDevice, "segment" | "requester">) => segment * 65536 + requester;

function busDevice({ segment, requester, vendor, device, name, buses }: PciDevice): BusDevice {
  const hex = (n: number) => n.toString(16).padStart(4, "0");
  const ids = vendor === null || device === null ? "" : `${hex(vendor)}:${hex(device)}`;
  return { segment, requester, about: [ids, name ?? ""].filter((s) => s !== "").join(" "), bars: [], buses };
}

/** `  Bus  0, device   1, function 0:` of QEMU's monitor; `0000:00:01.0 …` of lspci. */
const heads = [
  /^\s*Bus\s+(?<busTen>\d+), device\s+(?<slotTen>\d+), function (?<fn>\d):/,
  /^(?:(?<segment>[0-9a-f]{4,8}):)?(?<bus>[0-9a-f]{2}):(?<slot>[0-9a-f]{2})\.(?<fn>[0-7]) /i,
];
/** `BAR0: 64 bit memory at 0xfebc0000 [0xfebc3fff].` */
const monitorWindow = /^\s*BAR\d: \d+ bit (?:prefetchable )?memory at 0x([0-9a-f]+) \[0x([0-9a-f]+)\]/i;
/** `Memory at fe000000 (64-bit, prefetchable) [size=16K]`, after `Region 0: ` where lspci is told to say more. */
const lspciWindow = /^\s*(?:Region \d: )?Memory at ([0-9a-f]+) .*\[size=(\d+)([KMGT]?)\]/i;
const addressMax = 2 ** 52;

function windowsOf(text: string): Map<number, Stretch[]> {
  const windows = new Map<number, Stretch[]>();
  let current: Stretch[] = [];
  for (const line of text.split("\n")) {
    const head = heads.map((h) => h.exec(line)?.groups).find((g) => g !== undefined);
    if (head !== undefined) {
      const { busTen, slotTen, segment = "0", bus = "0", slot = "0", fn } = head;
      const devfn = (slotTen === undefined ? Number.parseInt(slot, 16) : Number(slotTen)) * 8 + Number(fn);
      const requester = (busTen === undefined ? Number.parseInt(bus, 16) : Number(busTen)) * 256 + devfn;
      current = [];
      windows.set(keyOf({ segment: Number.parseInt(segment, 16), requester }), current);
    }
    const window = monitorStretch(line) ?? lspciStretch(line);
    if (window !== null && window.from < window.to && window.to <= addressMax && window.from > 0) current.push(window);
  }
  return windows;
}

function monitorStretch(line: string): Stretch | null {
  const [, first, last] = monitorWindow.exec(line) ?? [];
  return first === undefined ? null : { from: Number.parseInt(first, 16), to: Number.parseInt(last!, 16) + 1 };
}

function lspciStretch(line: string): Stretch | null {
  const [, first, size, unit] = lspciWindow.exec(line) ?? [];
  if (first === undefined) return null;
  const from = Number.parseInt(first, 16);
  return { from, to: from + Number(size) * 1024 ** ["", "K", "M", "G", "T"].indexOf(unit!.toUpperCase()) };
}
