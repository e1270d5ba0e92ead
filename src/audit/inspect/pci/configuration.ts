/** Devices from PCI configuration space: where an image holds it, or a text has its bytes. */
import type { MemoryView } from "../../../mem/view.js";
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
  SriovFirst,
  SriovNumber,
  sriovFirstAt,
  sriovNumberAt,
} from "../../../spec/pcie/configuration.js";
import { bytesAt, structureAt } from "../acpi/bytes.js";
import type { AcpiWindow } from "../acpi/reading.js";
import { barsOf } from "./bars.js";
import { nothingKnown, type PciDevice, virtualFunctionsOf } from "./device.js";

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

/** @returns null when there is no function. @param bytes 4096 of them */
export function fromConfiguration(bytes: Uint8Array, segment: number, requester: number): PciDevice | null {
  const s = structureAt(bytes, 0, ConfigurationHeader.$)!;
  const vendor = s.get(ConfigurationHeader.vendor);
  // Memory that is held but was never filled reads as zeros: no vendor has the id 0.
  if (vendor === noVendor || vendor === 0) return null;
  const below = s.get(ConfigurationHeader.headerType) === 1 ? structureAt(bytes, bridgeBusesAt, BridgeBuses.$) : null;
  const ats = extended(bytes, ExtendedId.ats);
  const pasid = extended(bytes, ExtendedId.pasid);
  return {
    ...nothingKnown,
    segment,
    requester,
    vendor,
    device: s.get(ConfigurationHeader.device),
    class: s.get(ConfigurationHeader.baseClass) * 256 + s.get(ConfigurationHeader.subclass),
    buses:
      below === null
        ? null
        : { secondary: below.get(BridgeBuses.secondary), subordinate: below.get(BridgeBuses.subordinate) },
    ats: ats !== null && structureAt(bytes, ats + 4, AtsControl.$)?.get(AtsControl.enable) === 1,
    pasid: pasid !== null && structureAt(bytes, pasid + 4, PasidControl.$)?.get(PasidControl.enable) === 1,
    bars: barsOf(bytes),
    virtualFunctions: virtualFunctions(bytes, requester),
  };
}

function virtualFunctions(bytes: Uint8Array, requester: number): readonly number[] | null {
  const at = extended(bytes, ExtendedId.sriov);
  const number = at === null ? null : structureAt(bytes, at + sriovNumberAt, SriovNumber.$);
  const first = at === null ? null : structureAt(bytes, at + sriovFirstAt, SriovFirst.$);
  if (number === null || first === null) return null;
  const [offset, stride] = [first.get(SriovFirst.offset), first.get(SriovFirst.stride)];
  return virtualFunctionsOf(requester, { count: number.get(SriovNumber.count), offset, stride });
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
