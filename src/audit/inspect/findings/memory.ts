/** Rules about memory: code, shared pages, 1:1 ranges, regions of the firmware, what lies outside. */

import { countWords, plural } from "../../../base/count_words.js";
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { bytesInWords } from "../../words/quantity.js";
import { deviceName } from "../device_name.js";
import type { DeviceReach, Finding } from "../facts/inspection.js";
import type { Known, RequesterRange, ReservedRegion, Rule } from "../facts/known.js";
import type { Stretch } from "../stretch.js";
import { ownersWithin } from "./owners.js";
import { sharedMemory } from "./shared.js";
import { namesOf, someOf, stretchWords } from "./words.js";

const kernelText: Rule = {
  name: "kernel-text-writable",
  about: "A device may write to the kernel's code.",
  find(known) {
    if (known.kernel === null) return [];
    const { from, to, how } = known.kernel;
    return ownersWithin(known.index, { from, to }, 2).map(({ owner, bytes, first }) => ({
      rule: "kernel-text-writable",
      weight: "trouble",
      what: `a device may write to ${bytesInWords(bytes)} of the kernel's code`,
      where: `${namesOf(known.devices, known.index.owners[owner]!)}: first at ${hex(first)}`,
      why: `the kernel's code lies at ${stretchWords({ from, to })} (${how})`,
      devices: known.index.owners[owner]!,
      place: { paddr: first, bytes: frameBytes },
    }));
  },
};

const sharedPages: Rule = {
  name: "shared-memory",
  about: "Devices with different tables reach the same memory.",
  find: (known) =>
    sharedMemory(known).map(({ owners, bytes, from, places }) => {
      const devices = owners.flatMap((owner) => known.index.owners[owner]!).sort((a, b) => a - b);
      return {
        rule: "shared-memory",
        weight: "note",
        what: `${bytesInWords(bytes)} in ${plural(places, "place")} are reached by devices with different tables`,
        where: `${namesOf(known.devices, devices)}: first at ${hex(from)}`,
        why: `one of them can read or change what is meant for another${perhapsDoorbell(known)}`,
        devices,
        place: { paddr: from, bytes: frameBytes },
      } satisfies Finding;
    }),
};

/** Linux maps so much for what is behind an ISA bridge. Source: drivers/iommu/intel/iommu.c, CONFIG_INTEL_IOMMU_FLOPPY_WA. */
const isaBytes = 2 ** 24;
/** From this share of RAM on, it is no region for one purpose. */
const domainShareMin = 1 / 4;

/** Who maps so large a range, as far as its place and size tell. */
function identityWhy({ reserved, ram }: Known, { bytes, first }: { bytes: number; first: Stretch }): string {
  if (reserved?.some((r) => r.from <= first.from && first.to <= Math.ceil(r.to / frameBytes) * frameBytes))
    return "firmware reserved this one for the device";
  if (first.from === 0 && bytes <= isaBytes) return "Linux maps the first 16 MiB so for what is behind an ISA bridge";
  const total = (ram ?? []).reduce((sum, r) => sum + r.to - r.from, 0);
  if (total > 0 && bytes >= total * domainShareMin)
    return "so large a part of RAM is all that a domain owns: Xen maps its own domains so, and a kernel that lets devices pass where the unit cannot";
  return "so large a range is set up for firmware, for a domain of a hypervisor, or by hand";
}

/** A range that size is no buffer. */
const largeBytes = 2 ** 20;

const identityRange: Rule = {
  name: "identity-range",
  about: "A large part of memory is mapped at its own address.",
  find: (known) =>
    known.index.owners.flatMap((owner): Finding[] => {
      const ranges = known.devices[owner[0]!]!.ranges!;
      let bytes = 0;
      let first: Stretch | null = null;
      for (let row = 0; row < ranges.count; row++) {
        if (ranges.iova[row] !== ranges.paddr[row] || ranges.bytes[row]! < largeBytes) continue;
        bytes += ranges.bytes[row]!;
        first ??= { from: ranges.paddr[row]!, to: ranges.paddr[row]! + ranges.bytes[row]! };
      }
      if (first === null) return [];
      return [
        {
          rule: "identity-range",
          weight: "note",
          what: `${bytesInWords(bytes)} are mapped at their own addresses, in ranges of at least ${bytesInWords(largeBytes)}`,
          where: `${namesOf(known.devices, owner)}: first ${stretchWords(first)}`,
          why: `buffers are mapped in pages; ${identityWhy(known, { bytes, first })}`,
          devices: owner,
          place: { paddr: first.from, bytes: first.to - first.from },
        },
      ];
    }),
};

/** In a whole image a doorbell is seen to be no memory, and is told as what it is. */
const perhapsDoorbell = (known: Known): string =>
  known.whole !== true && known.units.some((u) => u.kind === "smmuv3")
    ? "; or it is the doorbell of interrupts, which every device maps on Arm (the image does not hold it)"
    : "";

const reservedMissing: Rule = {
  name: "reserved-missing",
  about: "A region that firmware reserved for a device is not mapped for it.",
  find: (known) =>
    (known.reserved ?? []).flatMap((region) => regionFinding(known, region, "missing", (d) => !mapsItself(d, region))),
};

const reservedMapped: Rule = {
  name: "reserved-mapped",
  about: "A region that firmware reserved for a device is mapped for it.",
  find: (known) =>
    (known.reserved ?? []).flatMap((region) =>
      regionFinding(known, region, "mapped", (d) => d.state === "translated" && mapsItself(d, region)),
    ),
};

/** Regions that are named; the others are counted. */
const regionsShown = 3;

const reservedUnknown: Rule = {
  name: "reserved-unknown",
  about: "Firmware reserved a region for devices of which nobody says which they are.",
  find(known) {
    const regions = (known.reserved ?? []).filter((r) => r.unknown !== undefined);
    if (regions.length === 0) return [];
    const more = regions.length > regionsShown ? ` and ${countWords(regions.length - regionsShown)} more` : "";
    return [
      {
        rule: "reserved-unknown",
        weight: "note",
        what: `${plural(regions.length, "region")} of the firmware ${regions.length === 1 ? "is" : "are"} for devices behind bridges whose buses are not given`,
        where: `${regions.slice(0, regionsShown).map(stretchWords).join(", ")}${more}: for ${someOf([...new Set(regions.flatMap((r) => r.unknown!))])}`,
        why: "whether they are mapped is not judged: with the text of lspci -vv or lspci -t it would be",
      },
    ];
  },
};

/** Every byte of the region leads to itself; untranslated devices reach it anyway. */
function mapsItself({ ranges, state }: DeviceReach, { from, to }: Stretch): boolean {
  if (state === "identity" || state === "bypass") return true;
  let at = Math.floor(from / frameBytes) * frameBytes;
  for (let row = 0; ranges !== null && row < ranges.count && at < to; row++) {
    const first = ranges.iova[row]!;
    if (first > at) return false;
    if (first + ranges.bytes[row]! > at && ranges.paddr[row] === first) at = first + ranges.bytes[row]!;
  }
  return at >= to;
}

/** A region for all devices is one for those that are translated. */
function isMeant({ devices, segment: of }: ReservedRegion, device: DeviceReach): boolean {
  const { segment, requester, state, unit, stream, path } = device;
  if (devices === null) return state === "translated" && segment === (of ?? segment);
  const isIn = (id: number, d: RequesterRange) => d.first <= id && id <= d.last;
  return devices.some((d) =>
    d.unit === undefined
      ? path === undefined && d.segment === segment && isIn(requester, d)
      : d.unit === unit && isIn(stream ?? requester, d),
  );
}

function regionFinding(
  known: Known,
  region: ReservedRegion,
  which: "missing" | "mapped",
  wanted: (device: DeviceReach) => boolean,
): Finding[] {
  const there = new Set((known.bus ?? []).map(deviceName));
  const devices = [...known.devices.keys()].filter((i) => {
    const device = known.devices[i]!;
    // Entries that block stand for all requesters: unless it is on the bus, nobody has this one.
    if (device.state === "blocked" && !there.has(deviceName(device))) return false;
    return isMeant(region, device) && wanted(device);
  });
  if (devices.length === 0) return [];
  const missing = which === "missing";
  return [
    {
      rule: `reserved-${which}`,
      weight: missing ? "trouble" : "note",
      what: `the ${region.kind} region ${stretchWords(region)} is ${missing ? "not " : ""}mapped`,
      where: namesOf(known.devices, devices),
      why: missing
        ? "firmware says that the device goes on using it, so its DMA there is refused"
        : "firmware asked for it: the device reaches that memory for as long as it lives",
      devices,
      place: { paddr: region.from, bytes: region.to - region.from },
    },
  ];
}

export const memoryRules: readonly Rule[] = [
  ...[kernelText, reservedMissing, sharedPages, identityRange, reservedMapped],
  reservedUnknown,
];
