/** A line of blocks whose heights are the occupancy of the pool over time. */
import type { Timeline } from "../../lab/replay/told/outcome.js";

const blocks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * @param whole slots of the pool: a full block is a full pool.
 * @param width characters; bins are gathered, and each character shows the highest of its bins.
 * @returns a space for an empty pool, so that a single slot in use is already seen.
 */
export function sparkLine(timeline: Timeline, whole: number, width: number): string {
  const bins = timeline.most.length;
  const columns = Math.min(width, bins);
  let line = "";
  for (let c = 0; c < columns; c++) {
    const first = Math.floor((c * bins) / columns);
    const end = Math.max(first + 1, Math.floor(((c + 1) * bins) / columns));
    let most = 0;
    for (let bin = first; bin < end; bin++) most = Math.max(most, timeline.most[bin]!);
    line += most === 0 ? " " : blocks[Math.min(blocks.length - 1, Math.floor((most / whole) * blocks.length))]!;
  }
  return line;
}

/** Where in the same line mappings failed: a mark below each character whose bins hold a failure. */
export function failureMarks(timeline: Timeline, width: number): string {
  const bins = timeline.failures.length;
  const columns = Math.min(width, bins);
  let line = "";
  for (let c = 0; c < columns; c++) {
    const first = Math.floor((c * bins) / columns);
    const end = Math.max(first + 1, Math.floor(((c + 1) * bins) / columns));
    line += timeline.failures.subarray(first, end).some((count) => count > 0) ? "×" : " ";
  }
  return line.trimEnd();
}
