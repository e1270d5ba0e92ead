/** Rules about memory: code, shared pages, 1:1 ranges, regions of the firmware, what lies outside. */
import { bytesInWords, counted, hex } from "../../why/words.js";
import { grouped } from "../grouped.js";
import type { DeviceReach, Finding } from "../inspection.js";
import type { Known, RequesterRange, ReservedRegion, Rule, Stretch } from "./known.js";
import { outsideOf } from "./outside.js";
import { sharedMemory } from "./shared.js";
import { namesOf, someOf, stretchWords } from "./words.js";

const kernelText: Rule = {
  name: "kernel-text-writable",
  about: "A device may write to the kernel's code.",
  find(known) {
    if (known.kernel === null) return [];
    const { from, to, how } = known.kernel;
    return ownersWithin(known, { from, to }, 2).map(({ owner, bytes, first }) => ({
      rule: "kernel-text-writable",
      weight: "trouble",
      what: `a device may write to ${bytesInWords(bytes)} of the kernel's code`,
      where: `${namesOf(known.devices, known.index.owners[owner]!)}: first at ${hex(first)}`,
      why: `the kernel's code lies at ${stretchWords({ from, to })} (${how})`,
      devices: known.index.owners[owner]!,
      place: { paddr: first, bytes: 4096 },
    }));
  },
};

/** Tables that reach into a stretch with a permission, with the bytes of their rows in it. */
function ownersWithin(known: Known, { from, to }: Stretch, need: 1 | 2) {
  const { index } = known;
  let rows = new Int32Array(4096);
  const count = index.rowsWithin(from, to, rows);
  if (count > rows.length) {
    rows = new Int32Array(count);
    index.rowsWithin(from, to, rows);
  }
  const owners = new Map<number, { owner: number; bytes: number; first: number }>();
  for (const row of rows.subarray(0, count)) {
    if ((index.allow[row]! & need) === 0) continue;
    const first = Math.max(from, index.paddr[row]!);
    const bytes = Math.min(to, index.paddr[row]! + index.bytes[row]!) - first;
    const owner = index.owner[row]!;
    const known = owners.get(owner);
    if (known === undefined) owners.set(owner, { owner, bytes, first });
    else known.bytes += bytes;
  }
  return [...owners.values()];
}

const sharedPages: Rule = {
  name: "shared-memory",
  about: "Devices with different tables reach the same memory.",
  find: (known) =>
    sharedMemory(known).map(({ owners, bytes, from, places }) => {
      const devices = owners.flatMap((owner) => known.index.owners[owner]!).sort((a, b) => a - b);
      return {
        rule: "shared-memory",
        weight: "note",
        what: `${bytesInWords(bytes)} in ${counted(places, "place")} are reached by devices with different tables`,
        where: `${namesOf(known.devices, devices)}: first at ${hex(from)}`,
        why: `one of them can read or change what is meant for another${perhapsDoorbell(known)}`,
        devices,
        place: { paddr: from, bytes: 4096 },
      } satisfies Finding;
    }),
};

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
          why: "buffers are mapped in pages; so large a range is set up for firmware, for an ISA bridge, or by hand",
          devices: owner,
          place: { paddr: first.from, bytes: first.to - first.from },
        },
      ];
    }),
};

const outsideMemory: Rule = {
  name: "outside-memory",
  about: "A mapping leads to where the image holds no memory.",
  find: (known) =>
    [...grouped(outsideOf(known), (p) => `${p.first.from} ${p.first.to} ${p.bytes}`).values()].map((alike) => {
      const { bytes, first, peer } = alike[0]!;
      const devices = alike.flatMap(({ owner }) => known.index.owners[owner]!).sort((a, b) => a - b);
      return {
        rule: "outside-memory",
        weight: "note",
        what: `${bytesInWords(bytes)} are mapped outside of memory`,
        where: `${namesOf(known.devices, devices)}: first ${stretchWords(first)}`,
        why:
          peer === null
            ? `no memory of the image lies there: a device's window, ${doorbell(known)}, or a wrong entry`
            : `that is a window of ${peer}: one device writes straight to the other`,
        devices,
        place: { paddr: first.from, bytes: first.to - first.from },
      } satisfies Finding;
    }),
};

/** In a whole image a doorbell is seen to be no memory, and is told as what it is. */
const perhapsDoorbell = (known: Known): string =>
  known.whole !== true && known.units.some((u) => u.kind === "smmuv3")
    ? "; or it is the doorbell of interrupts, which every device maps on Arm (the image does not hold it)"
    : "";

const doorbell = (known: Known): string =>
  known.units.some((u) => u.kind === "smmuv3")
    ? "the doorbell of interrupts that every device maps on Arm"
    : "a doorbell of interrupts";

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
    const more = regions.length > regionsShown ? ` and ${regions.length - regionsShown} more` : "";
    return [
      {
        rule: "reserved-unknown",
        weight: "note",
        what: `${counted(regions.length, "region")} of the firmware ${regions.length === 1 ? "is" : "are"} for devices behind bridges whose buses are not given`,
        where: `${regions.slice(0, regionsShown).map(stretchWords).join(", ")}${more}: for ${someOf([...new Set(regions.flatMap((r) => r.unknown!))])}`,
        why: "whether they are mapped is not judged: with the text of lspci -vv or lspci -t it would be",
      },
    ];
  },
};

/** Every byte of the region leads to itself; untranslated devices reach it anyway. */
function mapsItself({ ranges, state }: DeviceReach, { from, to }: Stretch): boolean {
  if (state === "identity" || state === "bypass") return true;
  let at = Math.floor(from / 4096) * 4096;
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
  const devices = [...known.devices.keys()].filter((i) => {
    const device = known.devices[i]!;
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
  ...[kernelText, reservedMissing, sharedPages, identityRange, outsideMemory, reservedMapped],
  reservedUnknown,
];
