/** What can be checked, for a terminal. */
import { plural } from "../../base/count_words.js";
import type { Protocol } from "../../lab/check/protocol.js";
import type { HistoricBug } from "../../lab/scenario/bugs/registry.js";
import { wrap } from "../text/layout.js";
import { styleFor } from "../text/style.js";

/** A candidate was found by reading and nobody has confirmed it; its source says what it assumes. */
export const statusOf = ({ source }: HistoricBug): "fixed" | "candidate" =>
  source.startsWith("candidate") ? "candidate" : "fixed";

export function checkListLines(
  protocols: readonly Protocol[],
  bugs: readonly HistoricBug[],
  { color, width }: { readonly color: boolean; readonly width: number },
): string[] {
  const style = styleFor(color);
  const byId = new Map(bugs.map((bug) => [bug.id, bug]));
  const shown = protocols.map((p) => ({ ...p, bugs: p.bugs.flatMap((id) => byId.get(id) ?? []) }));
  const count = shown.reduce((sum, p) => sum + p.bugs.length, 0);
  return [
    ...wrap(
      `${plural(protocols.length, "protocol")}: dmalab check PROTOCOL; ${plural(count, "bug")}: dmalab check PROTOCOL --bug ID`,
      width,
    ).map(style.bold),
    ...shown.flatMap(({ id, title, machine, bugs: its }) => [
      "",
      ...wrap(`${id}: ${title}`, width, "", "  ").map(style.bold),
      ...Object.entries(machine?.parameters ?? {}).flatMap(([name, { about, values }]) =>
        wrap(`${name}=${values[0]}: ${about} (${values.join(", ")})`, width, "  ", "    ").map(style.dim),
      ),
      ...its.flatMap((bug) =>
        wrap(
          `${bug.id}, ${bug.year}${statusOf(bug) === "candidate" ? ", a candidate" : ""}: ${bug.title}`,
          width,
          "  ",
          "    ",
        ),
      ),
    ]),
  ];
}
