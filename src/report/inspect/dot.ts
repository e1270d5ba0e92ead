/** One walk as a graph for Graphviz. Source of the format: "The DOT Language" (graphviz.org/doc/info/lang.html). */
import type { WalkAnswer } from "../../audit/inspect/walk/walk_answer.js";
import { type WalkBox, walkPicture } from "./walk_boxes.js";

/** @returns a digraph: one node for each entry that was read, and one for the end. */
export function walkDot(walk: WalkAnswer): string {
  const { title, boxes, end } = walkPicture(walk);
  const nodes = ["device", ...boxes.map((_, i) => `entry${i}`), "end"];
  const edges = nodes.slice(1).map((to, i) => {
    const words = boxes[i]?.chosenBy ?? null;
    return `  ${nodes[i]} -> ${to}${words === null ? "" : ` [label=${quoted([words])}]`};`;
  });
  const hue = end.fault ? "#b81414" : "#1a7f4b";
  return [
    "digraph walk {",
    `  graph [rankdir=TB];`,
    '  node [shape=box, style=rounded, fontname="monospace", fontsize=11];',
    '  edge [fontname="monospace", fontsize=10];',
    `  device [shape=plain, label=${quoted([title])}];`,
    ...boxes.map(
      (box, i) => `  entry${i} [label=${quoted(linesOf(box))}${box.stage === "device" ? ", style=solid" : ""}];`,
    ),
    `  end [label=${quoted(end.lines)}, color="${hue}", fontcolor="${hue}", penwidth=2];`,
    ...edges,
    "}",
    "",
  ].join("\n");
}

const linesOf = ({ name, at, value, fields, meaning }: WalkBox): string[] => [
  `${name} at ${at}`,
  value,
  ...fields.map((f) => f.text),
  meaning,
];

/** A double-quoted string whose lines are left-justified; control characters are left out, entities are not read. */
function quoted(lines: readonly string[]): string {
  const one = (line: string) =>
    [...line]
      .filter((c) => c >= " " && c !== "\u007f")
      .join("")
      .replace(/&/g, "&amp;")
      .replace(/[\\"]/g, "\\$&");
  return `"${lines.length === 1 ? one(lines[0]!) : lines.map((line) => `${one(line)}\\l`).join("")}"`;
}
