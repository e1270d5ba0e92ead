/** Rules about devices: who is not confined, who is trusted, who shares, who has no entry. */

import { countWords, plural } from "../../../base/count_words.js";
import { grouped } from "../../../base/grouped.js";
import type { UnitKind } from "../../../table/device/attachment.js";
import { type DeviceId, deviceName } from "../device_name.js";
import type { Finding } from "../facts/inspection.js";
import type { BusDevice, Known, Rule, Uncovered } from "../facts/known.js";
import { sendsNothing } from "../pci/senders.js";
import { namesOf, someOf } from "./words.js";

/** Devices of each unit that satisfy a condition, for units where any do. */
function byUnit(known: Known, wanted: (i: number) => boolean): [unit: number, devices: number[]][] {
  const which = [...known.devices.keys()].filter(wanted);
  return [...grouped(which, (i) => known.devices[i]!.unit)];
}

const identity: Rule = {
  name: "identity",
  about: "A device passes through: its addresses are physical addresses.",
  find: (known) =>
    byUnit(known, (i) => known.devices[i]!.state === "identity" && known.devices[i]!.allow !== 0).map(
      ([unit, devices]) => ({
        rule: "identity",
        weight: "trouble",
        what: `${plural(devices.length, "device")} ${devices.length === 1 ? "passes" : "pass"} through unit ${unit} untranslated and ${devices.length === 1 ? "reaches" : "reach"} all of memory`,
        where: namesOf(known.devices, devices),
        why: `${known.devices[devices[0]!]!.why}; iommu=pt or a driver's default domain sets this up`,
        devices,
      }),
    ),
};

const bypass: Rule = {
  name: "bypass",
  about: "The unit is told not to look at a device.",
  find: (known) =>
    byUnit(
      known,
      (i) => known.devices[i]!.state === "bypass" && known.units[known.devices[i]!.unit]!.translating !== false,
    ).map(([unit, devices]) => ({
      rule: "bypass",
      weight: "trouble",
      what: `unit ${unit} does not look at ${plural(devices.length, "device")}: ${devices.length === 1 ? "it reaches" : "they reach"} all of memory`,
      where: namesOf(known.devices, devices),
      why: known.devices[devices[0]!]!.why,
      devices,
    })),
};

const blocked: Rule = {
  name: "blocked",
  // Tables have entries for every requester that there could be: most of them are nobody's.
  about: "A requester has an entry that lets nothing through.",
  find: (known) =>
    byUnit(known, (i) => known.devices[i]!.state === "blocked").map(([unit, devices]) => ({
      rule: "blocked",
      weight: "note",
      what: `${plural(devices.length, "requester")} of unit ${unit} ${devices.length === 1 ? "reaches" : "reach"} nothing`,
      where: namesOf(known.devices, devices),
      why: known.devices[devices[0]!]!.why,
      devices,
    })),
};

const atsWhy: Readonly<Record<UnitKind, string>> = {
  vtd: "its context entry lets translated requests through (TT 1, or DTE in scalable mode)",
  amdvi: "its device table entry has I set",
  smmuv3: "its stream table entry has EATS set",
};

const atsTrusted: Rule = {
  name: "ats-trusted",
  about: "A device may use translations of its own (ATS), so the unit takes its word for them.",
  find: (known) =>
    byUnit(known, (i) => known.devices[i]!.ats).map(([unit, devices]) => ({
      rule: "ats-trusted",
      weight: "unproven",
      what: `${plural(devices.length, "device")} may send addresses as already translated (ATS)`,
      where: namesOf(known.devices, devices),
      why: `${atsWhy[known.units[unit]!.kind]}: what it calls translated is not checked, so it must be trusted`,
      devices,
    })),
};

const alias: Rule = {
  name: "alias",
  about: "Requesters share one table: they are one as far as the unit can tell.",
  find: (known) =>
    known.index.owners
      .map((owner) => owner.filter((i, n) => n === 0 || !sameRequester(known, i, owner[n - 1]!)))
      .filter((owner) => owner.length > 1)
      .map((devices) => ({
        rule: "alias",
        weight: "note",
        what: `${plural(devices.length, "requester")} share one table`,
        where: namesOf(known.devices, devices),
        why: "what is mapped for one is reached by all of them: an alias, or one group of the kernel",
        devices,
      })),
};

function sameRequester(known: Known, a: number, b: number): boolean {
  const [x, y] = [known.devices[a]!, known.devices[b]!];
  return x.requester === y.requester && x.segment === y.segment;
}

/** Source of the tags: VT-d 6.2.3 (DID), AMD 48882 2.2.2.1 (DomainID), SMMUv3 3.17 (VMID). */
const domainClash: Rule = {
  name: "domain-clash",
  about: "Two different tables carry one domain tag.",
  find(known) {
    const seen = new Map<string, number>();
    const findings: Finding[] = [];
    for (const [i, device] of known.devices.entries()) {
      if (device.domain === null || device.second === null || device.stage !== "second") continue;
      const tag = `${device.unit} ${device.domain}`;
      const first = seen.get(tag);
      if (first === undefined) seen.set(tag, i);
      else if (known.devices[first]!.second!.address !== device.second.address && findings.length < 20) {
        findings.push({
          rule: "domain-clash",
          weight: "trouble",
          what: `domain ${device.domain} of unit ${device.unit} names two different tables`,
          where: namesOf(known.devices, [first, i]),
          why: "the unit's caches are tagged with the domain, so one device may be given the other's translations",
          devices: [first, i],
        });
      }
    }
    return findings;
  },
};

const uncovered: Rule = {
  name: "uncovered",
  about: "A device on the bus is outside the scope of every unit.",
  find(known) {
    const open = known.uncovered.filter((u) => u.outcome === null);
    if (open.length === 0) return [];
    return [
      {
        rule: "uncovered",
        weight: "trouble",
        what: `${plural(open.length, "device")} on the bus ${open.length === 1 ? "is" : "are"} outside the scope of every unit`,
        where: someOf(open.map((u) => named(u.device))),
        why: `firmware assigns no IOMMU to it, so nothing stands between it and memory${perhapsOtherBus(known)}`,
      },
    ];
  },
};

const noEntry: Rule = {
  name: "no-entry",
  about: "A device on the bus has no entry of its own.",
  find(known) {
    const findings: Finding[] = [];
    const within = known.uncovered.filter((u) => u.outcome !== null);
    const stateOf = ({ outcome }: Uncovered) => (outcome !== null && "state" in outcome ? outcome.state : "blocked");
    const passes = within.filter((u) => ["bypass", "identity"].includes(stateOf(u)) && !sendsNothing(u.device));
    // One that is translated uses the entry of another name: an alias.
    const refused = within.filter((u) => stateOf(u) === "blocked");
    for (const [weight, devices, ends] of [
      ["trouble", passes, "sends passes untranslated"],
      ["note", refused, "sends is refused by the unit"],
    ] as const) {
      if (devices.length === 0) continue;
      findings.push({
        rule: "no-entry",
        weight,
        what: `${plural(devices.length, "device")} on the bus ${devices.length === 1 ? "has no entry: what it" : "have no entry: what each"} ${ends}`,
        where: someOf(devices.map((u) => named(u.device))),
        why: devices[0]!.outcome!.why,
      });
    }
    return findings;
  },
};

const unknownUnit: Rule = {
  name: "unknown-unit",
  about: "A device on the bus may be behind one unit or another, and they treat it differently.",
  find: (known) =>
    [...grouped(known.unplaced ?? [], (u) => u.why)].map(([why, list]) => ({
      rule: "unknown-unit",
      weight: "unproven",
      what: `unknown which unit ${plural(list.length, "device")} on the bus ${list.length === 1 ? "is" : "are"} behind: whether what ${list.length === 1 ? "it sends" : "they send"} is translated cannot be told`,
      where: someOf(list.map((u) => named(u.device))),
      why,
    })),
};

const sendsAs: Rule = {
  name: "sends-as",
  about: "Devices behind an Intel VMD endpoint send under its requester id.",
  find: (known) =>
    [...grouped(known.senders ?? [], (s) => s.as.map(deviceName).join(" or "))].map(([as, list]) => ({
      rule: "sends-as",
      weight: as === "" ? "unproven" : "note",
      what:
        as === ""
          ? `unknown as whom ${plural(list.length, "device")} of a segment that a driver made ${list.length === 1 ? "sends" : "send"}`
          : `${plural(list.length, "device")} ${list.length === 1 ? "sends" : "send"} as ${as}`,
      where: someOf(list.map((s) => named(s.device))),
      why:
        as === ""
          ? "they are behind an Intel VMD endpoint or the like, and none is on the list"
          : "they are behind an Intel VMD endpoint: the unit sees its requester id, and they reach what it reaches",
    })),
};

const rootFunctions: Rule = {
  name: "root-functions",
  about: "Root complexes and IOMMUs are in no unit's scope, which is as it should be.",
  find: (known) => {
    const list = known.rootFunctions ?? [];
    if (list.length === 0) return [];
    return [
      {
        rule: "root-functions",
        weight: "note",
        what: `${list.length === 1 ? "a root complex or IOMMU is" : `${countWords(list.length)} root complexes and IOMMUs are`} in no unit's scope, as usual`,
        where: someOf(list.map(named)),
        why: "it sends no DMA of its own that a unit would see",
      },
    ];
  },
};

const staleEntry: Rule = {
  name: "stale-entry",
  about: "An entry lets a device through that is not on the bus.",
  find(known) {
    const gone = notOnTheBus(known);
    if (gone.length === 0) return [];
    return [
      {
        rule: "stale-entry",
        weight: "note",
        what: `${plural(gone.length, "entry").replace("entrys", "entries")} ${gone.length === 1 ? "lets a device through that is" : "let devices through that are"} not on the bus`,
        where: namesOf(known.devices, gone),
        why: "an alias, left behind by a device that was removed, or the list is not whole or another machine's: whatever answers to that number reaches the same",
        devices: gone,
      },
    ];
  },
};

/** Devices that an entry lets through and that a list of the bus, where there is one, does not have. */
function notOnTheBus({ bus, devices, firmwareIds }: Known): number[] {
  if (bus === null) return [];
  const there = new Set(
    bus.flatMap((d) => [d, ...behindBridge(d), ...virtualFunctions(d)].map((id) => deviceName(id))),
  );
  for (const id of firmwareIds ?? []) there.add(deviceName(id));
  // What is on no bus is on no list of one.
  return [...devices.keys()].filter((i) => {
    const device = devices[i]!;
    return device.state !== "blocked" && device.path === undefined && !there.has(deviceName(device));
  });
}

/** A list that lacks who has entries, and has who is in no scope, may be another machine's. */
function perhapsOtherBus(known: Known): string {
  const gone = notOnTheBus(known);
  return gone.length === 0
    ? ""
    : `; or the list is of another machine: it lacks ${namesOf(known.devices, gone)}, which the tables let through`;
}

/** A bridge to conventional PCI sends what it forwards as function 0 of the bus below it. PCIe-to-PCI bridge 1.0, 2.3. */
function behindBridge({ segment, buses }: BusDevice): DeviceId[] {
  return buses === null ? [] : [{ segment, requester: buses.secondary << 8 }];
}

const virtualFunctions = ({ segment, virtualFunctions: ids }: BusDevice): DeviceId[] =>
  (ids ?? []).map((requester) => ({ segment, requester }));

const named = (device: BusDevice): string =>
  device.about === "" ? deviceName(device) : `${deviceName(device)} (${device.about})`;

export const deviceRules: readonly Rule[] = [
  ...[identity, bypass, uncovered, noEntry, domainClash, blocked, atsTrusted, alias, staleEntry],
  ...[unknownUnit, sendsAs, rootFunctions],
];
