/**
 * The devices on the bus: from QEMU's `info pci`, from `lspci` in its terse forms, or from configuration space where an
 * image holds it.
 */
import type { MemoryView } from "../../mem/view.js";
import { Unreadable } from "../../read/unreadable.js";
import {
  AtsControl,
  BridgeBuses,
  bridgeBusesAt,
  ConfigurationHeader,
  configurationBytes,
  ExtendedCapability,
  ExtendedId,
  extendedCapabilitiesAt,
  noVendor,
  PasidControl,
} from "../../spec/pcie/configuration.js";
import { bytesAt, structureAt } from "./acpi/bytes.js";
import type { AcpiWindow } from "./acpi/reading.js";

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
  /** Buses right below and last below; null for what is no bridge, or not said. */
  readonly buses: { readonly secondary: number; readonly subordinate: number } | null;
  /** The device uses its own TLB, and may send PASIDs; null: not said. */
  readonly ats: boolean | null;
  readonly pasid: boolean | null;
}

const nothing = { vendor: null, device: null, class: null, name: null, buses: null, ats: null, pasid: null } as const;
const devicesMax = 65536;

/** @throws Unreadable when the text names no device. */
export function pciFromText(name: string, text: string): PciDevice[] {
  const lines = text.split(/\r?\n/);
  const found = lines.some((l) => monitorHead.test(l)) ? fromMonitor(lines) : fromLspci(lines);
  if (found.length === 0) {
    const first =
      lines
        .find((l) => l.trim() !== "")
        ?.trim()
        .slice(0, 40) ?? "";
    throw new Unreadable(
      name,
      "",
      "devices as `info pci` or `lspci -nD` prints them",
      first === "" ? "an empty file" : `"${first}"`,
    );
  }
  const unique = new Map(found.map((d) => [d.segment * 65536 + d.requester, d]));
  return [...unique.values()].toSorted((a, b) => a.segment - b.segment || a.requester - b.requester);
}

const monitorHead = /^\s*Bus\s+(\d+), device\s+(\d+), function (\d+):/;

function fromMonitor(lines: readonly string[]): PciDevice[] {
  const found: { -readonly [K in keyof PciDevice]: PciDevice[K] }[] = [];
  for (const line of lines) {
    const head = monitorHead.exec(line);
    if (head !== null) {
      const [bus, device, fn] = [Number(head[1]), Number(head[2]), Number(head[3])];
      if (bus > 255 || device > 31 || fn > 7 || found.length >= devicesMax) continue;
      found.push({ ...nothing, segment: 0, requester: (bus << 8) | (device << 3) | fn });
      continue;
    }
    const last = found.at(-1);
    if (last === undefined) continue;
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
  }
  return found;
}

const lspciHead = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])\s+(.*)$/i;

function fromLspci(lines: readonly string[]): PciDevice[] {
  const found: { -readonly [K in keyof PciDevice]: PciDevice[K] }[] = [];
  for (const line of lines) {
    const head = lspciHead.exec(line);
    const last = found.at(-1);
    if (head !== null) {
      const [, segment = "0", bus, device, fn, rest = ""] = head;
      if (Number.parseInt(device!, 16) > 31 || found.length >= devicesMax) continue;
      const requester = (Number.parseInt(bus!, 16) << 8) | (Number.parseInt(device!, 16) << 3) | Number(fn);
      found.push({ ...nothing, ...described(rest), segment: Number.parseInt(segment, 16), requester });
    } else if (last !== undefined) detail(line, last);
  }
  return found;
}

/** `0108: 1b36:0010`, `Host bridge: Intel …`, `Host bridge [0600]: … [8086:29c0]`. */
function described(rest: string): Pick<PciDevice, "vendor" | "device" | "class" | "name"> {
  const terse = /^([0-9a-f]{4}): ([0-9a-f]{4}):([0-9a-f]{4})\b/i.exec(rest);
  if (terse !== null) {
    const [cls, vendor, device] = terse.slice(1).map((n) => Number.parseInt(n, 16)) as [number, number, number];
    return { class: cls, vendor, device, name: null };
  }
  const cls = /\[([0-9a-f]{4})\]:/i.exec(rest);
  const ids = /\[([0-9a-f]{4}):([0-9a-f]{4})\]/i.exec(rest);
  return {
    class: cls === null ? null : Number.parseInt(cls[1]!, 16),
    vendor: ids === null ? null : Number.parseInt(ids[1]!, 16),
    device: ids === null ? null : Number.parseInt(ids[2]!, 16),
    name:
      rest
        .replace(/ \[[0-9a-f]{4}\](?=:)/i, "")
        .split(":")[0]!
        .trim() || null,
  };
}

/** Lines that `lspci -vv` adds below a device. */
function detail(line: string, last: { -readonly [K in keyof PciDevice]: PciDevice[K] }): void {
  const bus = /\bsecondary=([0-9a-f]{2}), subordinate=([0-9a-f]{2})/i.exec(line);
  if (bus !== null) last.buses = { secondary: Number.parseInt(bus[1]!, 16), subordinate: Number.parseInt(bus[2]!, 16) };
  const ats = /\bATSCtl:\s+Enable([+-])/.exec(line);
  if (ats !== null) last.ats = ats[1] === "+";
  const pasid = /\bPASIDCtl:\s+Enable([+-])/.exec(line);
  if (pasid !== null) last.pasid = pasid[1] === "+";
}

/**
 * Devices from configuration space in memory.
 * @param windows where it is: MCFG
 * @returns null when the image holds none of it, which is usual: it is not memory
 */
export function pciFromConfiguration(memory: MemoryView, windows: readonly AcpiWindow[]): PciDevice[] | null {
  let held = false;
  const found: PciDevice[] = [];
  for (const w of windows) {
    for (let requester = w.firstBus << 8; requester < (w.lastBus + 1) << 8; requester++) {
      const bytes = bytesAt(memory, w.base + requester * configurationBytes, configurationBytes);
      if (bytes === null) continue;
      held = true;
      const device = fromConfiguration(bytes, w.segment, requester);
      if (device !== null) found.push(device);
    }
  }
  return held ? found : null;
}

function fromConfiguration(bytes: Uint8Array, segment: number, requester: number): PciDevice | null {
  const s = structureAt(bytes, 0, ConfigurationHeader.$)!;
  const vendor = s.get(ConfigurationHeader.vendor);
  // Memory that is held but was never filled reads as zeros: no vendor has the id 0.
  if (vendor === noVendor || vendor === 0) return null;
  const below = s.get(ConfigurationHeader.headerType) === 1 ? structureAt(bytes, bridgeBusesAt, BridgeBuses.$) : null;
  const ats = extended(bytes, ExtendedId.ats);
  const pasid = extended(bytes, ExtendedId.pasid);
  return {
    segment,
    requester,
    vendor,
    device: s.get(ConfigurationHeader.device),
    class: s.get(ConfigurationHeader.baseClass) * 256 + s.get(ConfigurationHeader.subclass),
    name: null,
    buses:
      below === null
        ? null
        : { secondary: below.get(BridgeBuses.secondary), subordinate: below.get(BridgeBuses.subordinate) },
    ats: ats !== null && structureAt(bytes, ats + 4, AtsControl.$)?.get(AtsControl.enable) === 1,
    pasid: pasid !== null && structureAt(bytes, pasid + 4, PasidControl.$)?.get(PasidControl.enable) === 1,
  };
}

/** @returns the offset of an extended capability; null when the function has none. */
function extended(bytes: Uint8Array, id: number): number | null {
  let at = extendedCapabilitiesAt;
  // A list in 4 KiB has at most this many members: a longer one is a circle.
  for (let n = 0; n < (configurationBytes - extendedCapabilitiesAt) / 4; n++) {
    const s = structureAt(bytes, at, ExtendedCapability.$);
    if (s === null) return null;
    if (s.get(ExtendedCapability.id) === id) return at;
    at = s.get(ExtendedCapability.next);
    if (at < extendedCapabilitiesAt || at % 4 !== 0) return null;
  }
  return null;
}
