/** Rules about units and their tables: switched off, broken, let through, or open to the devices they confine. */

import { plural } from "../../../base/count_words.js";
import { frameBytes } from "../../../base/frame.js";
import { grouped } from "../../../base/grouped.js";
import { hex } from "../../../base/hex.js";
import type { UnitKind } from "../../../table/device/attachment.js";
import type { Trouble, TroubleKind } from "../../../table/trouble.js";
import { deviceName } from "../device_name.js";
import type { Finding, Weight } from "../facts/inspection.js";
import type { Known, Rule, Silent } from "../facts/known.js";
import { namesOf, someOf } from "./words.js";

const offWhy: Readonly<Record<UnitKind, string>> = {
  vtd: "its global status register says that translation is off (GSTS.TES is 0)",
  amdvi: "its control register says that the unit is off (IOMMU_EN is 0)",
  smmuv3: "its control register says that translation is off (CR0.SMMUEN is 0)",
};

const abortsWhy = "it is off and told to abort what it receives (GBPA.ABORT is 1): nothing passes";

const unitOff: Rule = {
  name: "unit-off",
  about: "A unit does not translate.",
  find: (known) =>
    known.units.flatMap((unit, i): Finding[] =>
      unit.translating !== false
        ? []
        : [
            {
              rule: "unit-off",
              weight: unit.abilities?.abortsWhenOff === true ? "note" : "trouble",
              what: `unit ${i} does not translate: its tables are without effect`,
              where: unit.registersAt === null ? `unit ${i}` : `unit ${i}, registers at ${hex(unit.registersAt)}`,
              why: unit.abilities?.abortsWhenOff === true ? abortsWhy : offWhy[unit.kind],
            },
          ],
    ),
};

const kindWords: Readonly<Record<TroubleKind, string>> = {
  cycle: "a table leads back to itself",
  outside: "an entry points outside the memory of the image",
  reserved: "reserved bits or values are set",
  "address-size": "an address is wider than the unit's output",
  limit: "the tables go on beyond the limit of this tool: the answer is cut",
};

const unbelievedWhy =
  "no entry can be believed: the registers are of another machine or moment (--scan looks for tables by their form), or the table was written over";

const brokenTable: Rule = {
  name: "broken-table",
  about: "Tables that cannot be believed: cycles, pointers outside memory, reserved bits.",
  find(known) {
    const findings: Finding[] = [];
    for (const [i, troubles] of known.unitTroubles.entries()) {
      // That the whole table is missing has a rule of its own.
      if (known.unread.includes(i)) continue;
      const weigh = weighing(known, false);
      const found = byKind(troubles, weigh, `device tables of unit ${i}`, undefined);
      const more = known.unbelieved?.includes(i) ? `; ${unbelievedWhy}` : "";
      findings.push(...found.map((f) => ({ ...f, why: `${f.why}${more}` })));
    }
    const broken = [...known.devices.keys()].filter((i) => known.devices[i]!.troubles.length > 0);
    for (const [troubles, devices] of grouped(broken, (i) => known.devices[i]!.troubles)) {
      const weigh = weighing(known, known.devices[devices[0]!]!.everyPage);
      findings.push(...byKind(troubles, weigh, namesOf(known.devices, devices), devices));
    }
    return findings;
  },
};

/**
 * An image that is not whole may lack what a pointer leads to, and what was left out is unknown.
 * @param everyPage every page is listed, though not at each of its addresses
 */
const weighing =
  (known: Known, everyPage: boolean) =>
  (kind: TroubleKind): Weight => {
    if (kind === "limit") return everyPage ? "note" : "unproven";
    return kind === "outside" && known.whole !== true ? "unproven" : "trouble";
  };

/** One finding for each kind of trouble. */
function byKind(
  troubles: readonly Trouble[],
  weigh: (kind: TroubleKind) => Weight,
  where: string,
  devices: readonly number[] | undefined,
): Finding[] {
  return [...grouped(troubles, (t) => t.kind)].map(([kind, list]) => ({
    rule: "broken-table",
    weight: weigh(kind),
    what: `${kindWords[kind]} (${plural(list.length, "time")})`,
    where: `${where}: entry at ${hex(list[0]!.entryAt)}, ${list[0]!.value}`,
    why: list[0]!.what,
    ...(devices === undefined ? {} : { devices }),
    place: { paddr: Math.floor(list[0]!.entryAt / frameBytes) * frameBytes, bytes: frameBytes },
  }));
}

const tableWritable: Rule = {
  name: "table-writable",
  about: "A device may write to the tables or queues of an IOMMU.",
  find(known) {
    const rows = new Int32Array(256);
    const groups = new Map<string, { use: string; owner: number; from: number; frames: number }>();
    for (const [frame, use] of known.tables.ascending()) {
      const from = frame * frameBytes;
      const found = Math.min(rows.length, known.index.rowsWithin(from, from + frameBytes, rows));
      for (const row of rows.subarray(0, found)) {
        if ((known.index.allow[row]! & 2) === 0) continue;
        const owner = known.index.owner[row]!;
        if (ownsItsTables(known, owner) && use === "device table") continue;
        const key = `${owner} ${use}`;
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { use, owner, from, frames: 1 });
        else group.frames++;
      }
    }
    return [...groups.values()].map(({ use, owner, from, frames }) => ({
      rule: "table-writable",
      weight: "trouble",
      what: `a device may write to ${plural(frames, "frame")} of the IOMMU's own memory (${use})`,
      where: `${namesOf(known.devices, known.index.owners[owner]!)}: first at ${hex(from)}`,
      why: "whoever controls the device can change what it, or another one, is allowed to reach",
      devices: known.index.owners[owner]!,
      place: { paddr: from, bytes: frameBytes },
    }));
  },
};

/** Under nesting, a guest keeps the PASID or context descriptor tables of its own devices in its own memory. */
const ownsItsTables = (known: Known, owner: number): boolean =>
  known.index.owners[owner]!.every((i) => known.devices[i]!.stage === "nested");

/** What registers say, and has a rule of its own. */
const saidElsewhere = ["unit-off", "interrupt-remapping-off"];
/** What takes nothing from what the tables confine: no request passes. */
const harmless = ["table-mode"];

const registers: Rule = {
  name: "registers",
  about: "Registers say something that weakens what the tables confine.",
  find: (known) =>
    known.registerNotes
      .filter(({ rule }) => !saidElsewhere.includes(rule))
      .map(({ rule, ...said }) => ({ rule, weight: harmless.includes(rule) ? "note" : "unproven", ...said })),
};

const silentEntries: Rule = {
  name: "silent-entries",
  about: "Entries of an AMD-Vi device table are all zeros, which lets the requester through.",
  find: (known) =>
    [...grouped(known.silent, (s) => `${s.unit} ${s.listed}`)].map(([, list]) => {
      const { unit, listed } = list[0]!;
      const count = list.reduce((sum, s) => sum + s.last - s.first + 1, 0);
      const names = list.map(({ first, last }) => {
        const name = (requester: number) => deviceName({ segment: known.units[unit]!.segment, requester });
        return first === last ? name(first) : `${name(first)} to ${name(last)}`;
      });
      const isRuledOut = known.bus !== null || listed === false;
      return {
        rule: "silent-entries",
        weight: isRuledOut ? "note" : "unproven",
        what: `${plural(count, "requester")} of unit ${unit} would pass untranslated, were there a device`,
        where: someOf(names),
        why: `their device table entries are zeros, and V = 0 means that the unit does not look; ${reliedOn(known, listed)}`,
      };
    }),
};

/** Kernels leave zeros for functions that do not exist: who says that these do not? */
function reliedOn({ bus }: Known, listed: Silent["listed"]): string {
  if (bus !== null) return "relied on is that the list of the bus is whole, and that nothing is plugged in later";
  if (listed === false) return "relied on is that firmware lists whatever sends to the unit (IVHD)";
  const nobody = listed === true ? "firmware lists them, and nobody says" : "nobody says";
  return `kernels leave that for functions that do not exist, but ${nobody} which ones do (--pci would)`;
}

const staleTable: Rule = {
  name: "stale-table",
  about: "Memory holds tables of the form of a unit's that no unit uses.",
  find: (known) =>
    known.otherTables.map(({ kind, address, because }) => ({
      rule: "stale-table",
      weight: "note",
      what: `tables of the form of ${kind} lie at ${hex(address)} and are not in use`,
      where: hex(address),
      why: `left over from a boot or a guest, or in use by one: ${because}`,
      place: { paddr: address, bytes: frameBytes },
    })),
};

const noUnit: Rule = {
  name: "no-unit",
  about: "The machine has no IOMMU.",
  find: ({ units, missingUnits }) =>
    units.length + missingUnits.length > 0
      ? []
      : [
          {
            rule: "no-unit",
            weight: "trouble",
            what: "firmware lists no IOMMU: every device reaches all of memory",
            where: "no DMAR, IVRS, IORT or VIOT among the firmware's tables",
            why: "it is not there, switched off in the firmware's setup, or a hypervisor keeps it to itself",
          },
        ],
};

const missingUnit: Rule = {
  name: "missing-unit",
  about: "Firmware lists a unit that is not read.",
  find: (known) =>
    known.missingUnits.length === 0
      ? []
      : [
          {
            rule: "missing-unit",
            weight: "unproven",
            what: `firmware lists ${plural(known.missingUnits.length, "unit")} that ${known.missingUnits.length === 1 ? "is" : "are"} not read here`,
            where: someOf(known.missingUnits),
            why: "what their devices reach is not told: of kinds that are read, their registers would show it",
          },
        ],
};

export const unitRules: readonly Rule[] = [
  ...[noUnit, unitOff, brokenTable, tableWritable, silentEntries, registers, missingUnit, staleTable],
];
