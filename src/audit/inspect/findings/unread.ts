/** Rules about units of which nothing can be said, because what was given does not belong to this memory. */
import { hex } from "../../../base/hex.js";
import type { UnitKind, UnitRoot } from "../../../table/device/attachment.js";
import type { Finding } from "../facts/inspection.js";
import type { Known, Rule } from "../facts/known.js";

const missingTable: Rule = {
  name: "missing-table",
  about: "The memory holds no part of a unit's own table.",
  find: (known) =>
    known.unread
      .filter((i) => !known.strangers.includes(i))
      .map(
        (i): Finding => ({
          rule: "missing-table",
          weight: known.isPartial ? "unproven" : "trouble",
          what: `nothing is known of unit ${i}: its table is not in the image`,
          where: `unit ${i}, table at ${hex(known.units[i]!.root)}`,
          why: known.isPartial
            ? "parts of the image are missing, and the table may be in one of them"
            : "the registers are of another machine or moment, or the image was made without these pages",
        }),
      ),
};

const strangeRegisters: Rule = {
  name: "strange-registers",
  about: "Firmware lists no unit where the registers are.",
  find: ({ strangers, units }) =>
    strangers.map((i) => ({
      rule: "strange-registers",
      weight: "unproven",
      what: `nothing is known of unit ${i}: firmware lists no unit where its registers are`,
      where: `unit ${i}, ${units[i]!.kind} with registers at ${hex(units[i]!.registersAt!)}`,
      why: "the values are of another machine, so that their tables are not looked for in this memory",
    })),
};

const emptyTable: Rule = {
  name: "empty-table",
  about: "A unit translates, and its table names no device.",
  find(known) {
    const { units, devices, unitTroubles, unread } = known;
    const used = new Set(devices.map((d) => units[d.unit]!.root));
    return units.flatMap(({ root, kind, mode, translating }, i): Finding[] =>
      translating === false ||
      unread.includes(i) ||
      used.has(root) ||
      (unitTroubles[i]?.length ?? 0) > 0 ||
      ["abort", "reserved"].includes(mode)
        ? []
        : [
            {
              rule: "empty-table",
              weight: "unproven",
              what: `the table of unit ${i} names no device`,
              where: `unit ${i}, table at ${hex(root)}`,
              why: `${kind === "amdvi" ? "an entry of zeros lets its device pass; " : ""}either nothing is behind the unit, or the registers are of another machine or moment`,
            },
          ],
    );
  },
};

const unknownWhy: Readonly<Record<UnitRoot["found"], string>> = {
  scan: "its tables were found by their form: they may be in use, switched off, or left over",
  acpi: "firmware says that it exists, and no more",
  given: "--root says where its tables are, and no more",
  registers: "the register that says so (VT-d GSTS, AMD-Vi CONTROL, SMMUv3 CR0) is not among those that were given",
};

/** VT-d says both in one register; for the others, interrupts are in the tables. */
const unknownWords = ({ units }: Known, i: number): string =>
  `nobody says whether unit ${i} translates${units[i]!.kind === "vtd" ? " and remaps interrupts" : ""}`;

const unitUnknown: Rule = {
  name: "unit-unknown",
  about: "Nobody says whether a unit translates.",
  find: (known) =>
    known.units.flatMap(({ translating, found, root }, i): Finding[] =>
      translating !== null || known.unread.includes(i)
        ? []
        : [
            {
              rule: "unit-unknown",
              weight: "unproven",
              what: unknownWords(known, i),
              where: `unit ${i}, table at ${hex(root)}`,
              why: `${unknownWhy[found]}; the registers would say (--registers)`,
            },
          ],
    ),
};

/** Machines that have units of each kind, as images name them. */
const machinesOf: Readonly<Record<UnitKind, readonly string[]>> = {
  vtd: ["x86", "x86-64"],
  amdvi: ["x86", "x86-64"],
  smmuv3: ["arm", "aarch64"],
};

const otherMachine: Rule = {
  name: "other-machine",
  about: "A unit is of a kind that the machine of the image does not have.",
  find: ({ units, machine }) =>
    units.flatMap(({ kind, registersAt }, i): Finding[] =>
      machine === null || machinesOf[kind].includes(machine)
        ? []
        : [
            {
              rule: "other-machine",
              weight: "trouble",
              what: `unit ${i} is of kind ${kind}, and the image is of ${machine}`,
              where: registersAt === null ? `unit ${i}` : `unit ${i}, registers at ${hex(registersAt)}`,
              why: `units of this kind are in machines of ${machinesOf[kind].join(" or ")}: what is told of it is chance`,
            },
          ],
    ),
};

export const unreadRules: readonly Rule[] = [missingTable, otherMachine, strangeRegisters, emptyTable, unitUnknown];
