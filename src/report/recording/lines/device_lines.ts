/** What each device mapped, as a table, and why it bounced. */

import { countWords, plural } from "../../../base/count_words.js";
import type { DeviceOutcome } from "../../../lab/replay/told/outcome.js";
import { type Column, table, wrap } from "../../text/layout.js";
import type { Style } from "../../text/style.js";
import { byWords, someOf } from "../../words/groups.js";
import { bytesWords } from "../../words/quantity.js";
import { type RunReport, wholeAudit } from "../run_report.js";

/** A recording may name any number of devices: those with the most mappings are shown. */
const firstDevices = 30;

const columns: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "driver", align: "left" },
  { title: "maps", align: "right" },
  { title: "direct", align: "right", spare: 1 },
  { title: "bounced", align: "right" },
  { title: "translated", align: "right", spare: 3 },
  { title: "failed", align: "right" },
  { title: "bounced bytes", align: "right", spare: 5 },
  { title: "peak slots", align: "right", spare: 2 },
  { title: "alive", align: "right", spare: 4 },
];

export function deviceLines({ outcome, audit }: RunReport, style: Style, width: number): string[] {
  const unknown = new Set(wholeAudit(audit).aliveUnknown);
  if (outcome.requests !== null) return [];
  const active = outcome.devices.filter(isActive).sort((a, b) => b.maps - a.maps);
  const idle = outcome.devices.filter((device) => !isActive(device));
  const lines = [
    ...(active.length === 0 ? [] : tableLines(active, unknown, outcome.pool?.endsRecorded !== false, style, width)),
    ...(idle.length === 0
      ? []
      : wrap(`no mapping of ${someOf(idle.map((d) => d.name))}`, width, "  ", "    ").map(style.dim)),
  ];
  return lines.length === 0 ? [] : [style.bold("Mappings"), ...lines];
}

const isActive = ({ maps, failed, live }: DeviceOutcome): boolean => maps + failed + live > 0;

function tableLines(
  active: readonly DeviceOutcome[],
  unknown: ReadonlySet<string>,
  knowsUse: boolean,
  style: Style,
  width: number,
): string[] {
  const shown = active.slice(0, firstDevices);
  const rows = shown.map((d) => [
    ...[d.name, d.driver ?? "–", countWords(d.maps), countWords(d.direct), countWords(d.bounced)],
    ...[
      countWords(d.translated),
      countWords(d.failed),
      bytesWords(d.bouncedBytes),
      knowsUse ? countWords(d.slotsPeak) : "unknown",
    ],
    unknown.has(d.name) ? "unknown" : countWords(d.live),
  ]);
  const [head, ...body] = table(columns, rows, width);
  const more = active.length - shown.length;
  const reasons = shown.flatMap((d) =>
    d.why.map(({ words, count }) => [words, `${d.name} ${countWords(count)}`] as const),
  );
  const why = byWords(reasons).flatMap(([words, of]) => wrap(`${words}: ${someOf(of)}`, width, "  ", "    "));
  return [
    style.dim(head!),
    ...body,
    ...(more > 0 ? [style.dim(`  and ${plural(more, "device")} more`)] : []),
    ...why.map(style.dim),
  ];
}
