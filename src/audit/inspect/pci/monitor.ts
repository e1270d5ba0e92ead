/** Devices from the text of QEMU's `info pci`. */
import { devicesMax, type Growing, nothingKnown, type PciDevice, type Window } from "./device.js";
import { windowOf } from "./window.js";

const head = /^\s*Bus\s+(\d+), device\s+(\d+), function (\d+):/;
/** `BAR0: 64 bit memory at 0xfebc0000 [0xfebc3fff].` */
const memory = /^\s*BAR\d: \d+ bit (?:prefetchable )?memory at 0x([0-9a-f]+) \[0x([0-9a-f]+)\]/i;

export const isMonitor = (lines: readonly string[]): boolean => lines.some((l) => head.test(l));

export function fromMonitor(lines: readonly string[]): PciDevice[] {
  const found: (Growing<PciDevice> & { bars: Window[] })[] = [];
  for (const line of lines) {
    const place = head.exec(line);
    if (place !== null) {
      const [bus, device, fn] = [Number(place[1]), Number(place[2]), Number(place[3])];
      if (bus > 255 || device > 31 || fn > 7 || found.length >= devicesMax) continue;
      found.push({ ...nothingKnown, segment: 0, requester: (bus << 8) | (device << 3) | fn, bars: [] });
      continue;
    }
    const last = found.at(-1);
    if (last !== undefined) detail(line, last);
  }
  return found;
}

function detail(line: string, last: Growing<PciDevice> & { bars: Window[] }): void {
  const what = /^\s*(.+): PCI device ([0-9a-f]{4}):([0-9a-f]{4})/i.exec(line);
  if (what !== null) {
    last.name = what[1]!;
    last.class = /^Class (\d{4})$/.test(last.name) ? Number.parseInt(last.name.slice(6), 10) : null;
    last.vendor = Number.parseInt(what[2]!, 16);
    last.device = Number.parseInt(what[3]!, 16);
  }
  const below = /^\s*(secondary|subordinate) bus (\d+)/.exec(line);
  if (below !== null && Number(below[2]) < 256) {
    const buses = last.buses ?? { secondary: 0, subordinate: 0 };
    last.buses = { ...buses, [below[1]!]: Number(below[2]) };
  }
  const window = memory.exec(line);
  if (window !== null) {
    last.bars.push(...windowOf(Number.parseInt(window[1]!, 16), Number.parseInt(window[2]!, 16) + 1));
  }
}
