/** The comparison of policies for pages for a terminal. */
import { type ComparedPolicy, devicesCompared } from "../../lab/protocol/comparison.js";
import { compareUnits } from "../../lab/protocol/own_units.js";
import { lifetimeRules } from "../../lab/protocol/page_lifetime.js";
import { compareCalls, passthroughRules } from "../../lab/protocol/passthrough.js";
import { rules } from "../../lab/protocol/watch.js";
import { releasePolicies } from "../../sw/iommu/lifetime/policies.js";
import { wrap } from "../text/layout.js";
import { styleFor } from "../text/style.js";
import { cellWords, costColumns, frees, searchWords, unitWords } from "./cells.js";

const devices = Object.keys(devicesCompared);
const allRules = [...new Set([...passthroughRules, ...lifetimeRules])];

export function pageLifetimeLines(
  all: readonly ComparedPolicy[],
  { color, width }: { readonly color: boolean; readonly width: number },
): string[] {
  const style = styleFor(color);
  return [
    style.bold("When may a page go that a device can still reach?"),
    "",
    ...all.flatMap(({ name, cells, cost }) => {
      const policy = releasePolicies[name];
      const costs = costColumns.map(([title, key]) => `${title} ${cost[key]}`).join(", ");
      return [
        ...wrap(`${name}: ${policy.title}`, width, "", "  ").map(style.bold),
        ...wrap(policy.source, width, "  ").map(style.dim),
        ...wrap(`free ${frees(policy)}; ${costs}`, width, "  "),
        ...cells.flatMap((cell) => {
          const tone = cell.broken.length === 0 ? style.green : style.red;
          return wrap(`${cell.device.padEnd(8)} ${cellWords(cell)}`, width, "  ", " ".repeat(11)).map(tone);
        }),
        "",
      ];
    }),
    style.bold("Linux on the other vendors' own units"),
    ...compareUnits().flatMap((unit) => [
      ...wrap(`${unitWords(unit)[0]}, the driver waits ${unitWords(unit)[1]}`, width, "  ", "    "),
      ...unit.cells.flatMap((cell, n) => {
        const tone = cell.broken.length === 0 ? style.green : style.red;
        return wrap(`${devices[n]!.padEnd(8)} ${searchWords(cell)}`, width, "    ", " ".repeat(13)).map(tone);
      }),
    ]),
    "",
    style.bold("Every way out of a domain of Xen, by what holds the page until its flush is done"),
    ...[true, false].flatMap((hasTlb) =>
      compareCalls(hasTlb).flatMap(({ call, cells }) => [
        ...wrap(`${call}, the device ${hasTlb ? "has a TLB of its own" : "has none"}`, width, "  ", "    "),
        ...cells.flatMap((cell) => {
          const tone = cell.broken.length === 0 ? style.green : style.red;
          return wrap(`${cell.held.padEnd(13)} ${searchWords(cell)}`, width, "    ", " ".repeat(18)).map(tone);
        }),
      ]),
    ),
    "",
    style.bold("Rules; each with the steps of the shortest run that breaks it"),
    ...allRules.flatMap((rule) => wrap(`${rule.padEnd(4)} ${rules[rule]}`, width, "  ", " ".repeat(7))),
    style.bold("Devices"),
    ...Object.entries(devicesCompared).flatMap(([name, { words }]) =>
      wrap(`${name.padEnd(8)} ${words}`, width, "  ", " ".repeat(11)),
    ),
  ];
}
