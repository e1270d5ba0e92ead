/** Rules about units of which nothing can be said, because what was given does not belong to this memory. */
import type { UnitKind } from "../../../table/device/attachment.js";
import { hex } from "../../why/words.js";
import type { Finding } from "../inspection.js";
import type { Rule } from "./known.js";

const missingTable: Rule = {
  name: "missing-table",
  about: "The memory holds no part of a unit's own table.",
  find: (known) =>
    known.unread.map(
      (i): Finding => ({
        rule: "missing-table",
        weight: "trouble",
        what: `nothing is known of unit ${i}: its table is not in the image`,
        where: `unit ${i}, table at ${hex(known.units[i]!.root)}`,
        why: "the registers are of another machine or moment, or the image was made without these pages",
      }),
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

export const unreadRules: readonly Rule[] = [missingTable, otherMachine];
