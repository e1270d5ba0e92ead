/** Requests to bounce of a recording that does not show what became of them, as a table. */

import { countWords, plural } from "../../../base/count_words.js";
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";
import { type Column, table, wrap } from "../../text/layout.js";
import type { Style } from "../../text/style.js";
import { byWords, someOf } from "../../words/groups.js";
import { bytesWords } from "../../words/quantity.js";
import { requestWords } from "../words/requests.js";

const firstDevices = 30;

const columns: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "driver", align: "left" },
  { title: "requests", align: "right" },
  { title: "bytes", align: "right" },
  { title: "each", align: "left" },
  { title: "refused (log)", align: "right" },
];

export function requestLines(outcome: ReplayOutcome, style: Style, width: number): string[] {
  const words = requestWords(outcome);
  if (words === null) return [];
  const shown = words.devices.slice(0, firstDevices);
  const rows = shown.map((d) => [
    ...[d.name, d.driver ?? "–", countWords(d.count), bytesWords(d.bytes), d.sizes, countWords(d.refused)],
  ]);
  const [head, ...body] = table(columns, rows, width);
  const more = words.devices.length - shown.length;
  const reasons = shown.flatMap((d) => d.why.map((w) => [w.words, `${d.name} ${countWords(w.count)}`] as const));
  const refusedMore = words.refusedMore > 0 ? [`  and ${countWords(words.refusedMore)} more`] : [];
  return [
    style.bold("Requests to bounce"),
    style.dim(head!),
    ...body,
    ...(more > 0 ? [style.dim(`  and ${plural(more, "device")} more`)] : []),
    ...byWords(reasons).flatMap(([why, of]) => wrap(`${why}: ${someOf(of)}`, width, "  ", "    ").map(style.dim)),
    ...words.refused.flatMap((line) => wrap(line, width, "  ", "    ").map(style.red)),
    ...refusedMore.map(style.dim),
    ...[words.why, ...words.notes].flatMap((note) => wrap(note, width, "  ", "    ")),
  ];
}
