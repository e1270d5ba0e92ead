/** DMAR into units. Source: see spec/acpi/dmar.ts. */

import { hex } from "../../../base/hex.js";
import {
  Andd,
  AtsDevices,
  DeviceScope,
  DmarFlag,
  DmarType,
  Drhd,
  deviceScopePathAt,
  dmarFlagsAt,
  dmarStructuresAt,
  dmarWidthAt,
  Rmrr,
  ScopeType,
} from "../../../spec/acpi/dmar.js";
import { functionName, slotName } from "../../../spec/pcie/requester.js";
import { structureAt, textAt } from "./bytes.js";
import { type AcpiScope, type Gathered, structuresMax } from "./reading.js";

const whats: Readonly<Record<number, AcpiScope["what"]>> = {
  [ScopeType.device]: "device",
  [ScopeType.bridge]: "bridge",
  [ScopeType.ioApic]: "io-apic",
  [ScopeType.hpet]: "hpet",
  [ScopeType.named]: "named",
};

export function readDmar(bytes: Uint8Array, out: Gathered): void {
  if (bytes.length < dmarStructuresAt) {
    out.note(`DMAR has ${bytes.length} bytes, fewer than its head`);
    return;
  }
  out.addressBits = Math.min(Math.max(bytes[dmarWidthAt]! + 1, 32), 52);
  const has = (flag: number) => (bytes[dmarFlagsAt]! & flag) !== 0;
  out.interruptRemapping = has(DmarFlag.interruptRemapping);
  out.x2apicOptOut = has(DmarFlag.x2apicOptOut);
  out.dmaOptIn = has(DmarFlag.dmaControlOptIn);
  out.says.push(
    `${bytes[dmarWidthAt]! + 1} address bits`,
    out.interruptRemapping ? "interrupts may be remapped" : "interrupts are not to be remapped",
    ...(out.x2apicOptOut ? ["x2APIC mode is to be left alone"] : []),
    ...(out.dmaOptIn ? ["DMA is to be guarded from the start (platform opt-in)"] : []),
  );
  readNames(bytes, out);
  let at = dmarStructuresAt;
  for (let n = 0; at + 4 <= bytes.length && n < structuresMax; n++) {
    const type = bytes[at]! | (bytes[at + 1]! << 8);
    const length = bytes[at + 2]! | (bytes[at + 3]! << 8);
    if (length < 4 || at + length > bytes.length) {
      out.note(`DMAR: the structure at byte ${at} has ${length} bytes; the rest is left out`);
      return;
    }
    structure(type, bytes.subarray(at, at + length), out);
    at += length;
  }
}

/** What ACPI calls devices: the names stand behind the units whose scopes use them. */
function readNames(bytes: Uint8Array, out: Gathered): void {
  for (let at = dmarStructuresAt, n = 0; at + 4 <= bytes.length && n < structuresMax; n++) {
    const length = bytes[at + 2]! | (bytes[at + 3]! << 8);
    if (length < 4 || at + length > bytes.length) return;
    const own = bytes.subarray(at, at + length);
    const s = (bytes[at]! | (bytes[at + 1]! << 8)) === DmarType.andd ? structureAt(own, 0, Andd.$) : null;
    if (s !== null) out.named.set(s.get(Andd.device), textAt(own, anddNameAt, 255));
    at += length;
  }
}
const anddNameAt = 8;

/** What each type of structure is, and how it is read; types that are not here say nothing of devices. */
const structures: Readonly<Record<number, { readonly what: string; read(bytes: Uint8Array, out: Gathered): boolean }>> =
  {
    [DmarType.drhd]: { what: "a unit (DRHD)", read: readUnit },
    [DmarType.rmrr]: { what: "a reserved region (RMRR)", read: readRegion },
    [DmarType.atsr]: { what: "a list of root ports with ATS (ATSR)", read: readAts },
    [DmarType.satc]: { what: "a list of devices with ATS (SATC)", read: readAts },
  };

function structure(type: number, bytes: Uint8Array, out: Gathered): void {
  const known = structures[type];
  if (known !== undefined && !known.read(bytes, out)) out.note(`DMAR: ${known.what} is cut short`);
}

function readUnit(bytes: Uint8Array, out: Gathered): boolean {
  const s = structureAt(bytes, 0, Drhd.$);
  if (s === null) return false;
  const segment = s.get(Drhd.segment);
  const registersAt = s.get(Drhd.base);
  if (out.units.some((u) => u.kind === "vtd" && u.registersAt === registersAt && u.segment === segment)) {
    out.note(`DMAR lists the unit at ${hex(registersAt)} twice: the first counts, as for Linux`);
    return true;
  }
  out.units.push({
    kind: "vtd",
    // Linux numbers them as it finds them. Source: drivers/iommu/intel/dmar.c, dmar_alloc_seq_id.
    name: `dmar${out.units.filter((u) => u.kind === "vtd").length}`,
    registersAt,
    segment,
    includeAll: s.get(Drhd.includeAll) === 1,
    scopes: scopes(bytes, 16, segment, out),
    requester: null,
  });
  return true;
}

function readRegion(bytes: Uint8Array, out: Gathered): boolean {
  const s = structureAt(bytes, 0, Rmrr.$);
  if (s === null) return false;
  const segment = s.get(Rmrr.segment);
  const [first, last] = [s.get(Rmrr.base), s.get(Rmrr.limit)];
  out.reserve({ kind: "RMRR", first, last, segment, scopes: scopes(bytes, 24, segment, out), allow: 3 });
  return true;
}

function readAts(bytes: Uint8Array, out: Gathered): boolean {
  const s = structureAt(bytes, 0, AtsDevices.$);
  if (s === null) return false;
  out.ats ??= { all: false, scopes: [] };
  if (s.get(AtsDevices.type) === DmarType.atsr && s.get(AtsDevices.flag) === 1) out.ats.all = true;
  out.ats.scopes.push(...scopes(bytes, 8, s.get(AtsDevices.segment), out));
  return true;
}

function scopes(bytes: Uint8Array, from: number, segment: number, out: Gathered): AcpiScope[] {
  const found: AcpiScope[] = [];
  for (let at = from; at + deviceScopePathAt <= bytes.length; ) {
    const length = bytes[at + 1]!;
    if (length < deviceScopePathAt || at + length > bytes.length) {
      out.note(`DMAR: a device scope has ${length} bytes; the rest of its list is left out`);
      break;
    }
    found.push(scope(bytes.subarray(at, at + length), segment, out));
    at += length;
  }
  return found;
}

function scope(bytes: Uint8Array, segment: number, out: Gathered): AcpiScope {
  // The path's first pair may complete the fixed part; a shorter scope has none.
  const padded = new Uint8Array(Math.max(bytes.length, 8));
  padded.set(bytes);
  const s = structureAt(padded, 0, DeviceScope.$)!;
  const bus = s.get(DeviceScope.startBus);
  const path: number[] = [];
  for (let at = deviceScopePathAt; at + 2 <= bytes.length; at += 2)
    path.push(((bytes[at]! & 31) << 3) | (bytes[at + 1]! & 7));
  const type = s.get(DeviceScope.type);
  const own = path.length === 1 ? (bus << 8) | path[0]! : null;
  const steps = path.map((devfn, n) => (n === 0 ? functionName(bus * 256 + devfn) : slotName(devfn)));
  const place = steps.join(" → ");
  const named = type === ScopeType.named ? out.named.get(s.get(DeviceScope.enumeration)) : undefined;
  const name = named === undefined ? place : `${named} as ${place}`;
  return {
    ...{ segment, first: own, last: own, what: whats[type] ?? "device", name, stream: null },
    ...(path.length > 0 && { path: { bus, functions: path } }),
  };
}
