/** The chart of occupancy: most and fewest slots in use over time, the pool's size, the high-water mark, failures. */
import type { PageData, PageTimeline } from "dmalab/report";
import uPlot from "uplot";
import { number, seconds, shortSeconds } from "../../shared/format";
import type { Palette } from "./colours";

/** Pixels left of both charts, so that times lie one below the other. */
export const gutter = 56;
export const margin = 12;

/** A pool whose high-water mark is below this share of it is drawn to the mark, not to its size. */
const smallShare = 0.4;

export interface ChartInput {
  readonly timeline: PageTimeline;
  readonly pool: NonNullable<PageData["pool"]>;
  readonly palette: Palette;
  readonly width: number;
  readonly height: number;
  readonly onSelect: (from: number, to: number) => void;
  readonly onCursor: (time: number | null) => void;
}

/** Seconds at which each bin begins, most, fewest; the last bin's values again where it ends. */
export function columnsOf({ from, width, most, fewest }: PageTimeline): uPlot.AlignedData {
  const times = Array.from({ length: most.length + 1 }, (_, bin) => (from + bin * width) / 1e6);
  return [times, [...most, most.at(-1) ?? 0], [...fewest, fewest.at(-1) ?? 0]];
}

export const topOf = ({ slots, hiwater }: ChartInput["pool"]): number =>
  hiwater < slots * smallShare ? Math.max(1, hiwater * 1.25) : slots * 1.08;

export function chartOptions({
  timeline,
  pool,
  palette,
  width,
  height,
  onSelect,
  onCursor,
}: ChartInput): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: palette.faint,
    grid: { stroke: palette.grid, width: 1 },
    ticks: { stroke: palette.grid, width: 1, size: 5 },
    font: "12px system-ui, sans-serif",
  };
  const stepped = uPlot.paths.stepped!({ align: 1 });
  return {
    width,
    height,
    padding: [14, margin, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
    scales: { x: { time: false }, y: { range: () => [0, topOf(pool)] } },
    axes: [
      {
        ...axis,
        size: 30,
        values: (_chart, ticks, _axis, _space, step) => ticks.map((tick) => shortSeconds(tick * 1e6, step * 1e6)),
        space: 80,
      },
      { ...axis, size: gutter, values: (_, ticks) => ticks.map((tick) => number(tick)) },
    ],
    series: [
      { value: (_, value) => (value === null ? "" : seconds(value * 1e6)) },
      {
        label: "most in use",
        stroke: palette.accent,
        width: width < 600 ? 1 : 1.5,
        paths: stepped,
        points: { show: false },
      },
      { label: "fewest in use", width: 0, fill: palette.accentArea, paths: stepped, points: { show: false } },
    ],
    bands: [{ series: [1, 2], fill: palette.accentBand }],
    hooks: {
      draw: [(chart) => drawMarks(chart, { timeline, pool, palette })],
      setSelect: [
        (chart) => {
          if (chart.select.width < 3) return;
          const from = chart.posToVal(chart.select.left, "x") * 1e6;
          const to = chart.posToVal(chart.select.left + chart.select.width, "x") * 1e6;
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          onSelect(from, to);
        },
      ],
      // Not uPlot's own cursor hook: it also fires when the scale or the cursor is set from outside.
      ready: [
        ({ over, posToVal }) => {
          over.addEventListener("mousemove", (event) => onCursor(posToVal(event.offsetX, "x") * 1e6));
          over.addEventListener("mouseleave", () => onCursor(null));
        },
      ],
    },
  };
}

type Marks = Pick<ChartInput, "timeline" | "pool" | "palette">;

function drawMarks(chart: uPlot, { timeline, pool, palette }: Marks): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top - 14 * devicePixelRatio, bbox.width, bbox.height + 14 * devicePixelRatio);
  ctx.clip();
  level(chart, palette.faint, [], pool.slots, `pool: ${number(pool.slots)} slots`);
  level(chart, palette.accent, [5, 4], pool.hiwater, `high-water: ${number(pool.hiwater)}`, pool.slots);
  drawFailures(chart, timeline, palette);
  ctx.restore();
}

/** A horizontal line with its name. @param avoid the label goes below the line when another line is near above. */
function level(chart: uPlot, colour: string, dash: number[], value: number, label: string, avoid?: number): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  const y = Math.round(chart.valToPos(value, "y", true));
  if (y < bbox.top) {
    write(chart, colour, `${label}, above this chart`, "left", bbox.top + 4 * ratio);
    return;
  }
  ctx.strokeStyle = colour;
  ctx.lineWidth = ratio;
  ctx.setLineDash(dash.map((length) => length * ratio));
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
  const near = avoid !== undefined && Math.abs(chart.valToPos(avoid, "y", true) - y) < 18 * ratio;
  write(chart, colour, label, near ? "right" : "left", near ? chart.valToPos(avoid, "y", true) : y);
}

/** @param y canvas pixels; the text stands just above. */
function write({ ctx, bbox }: uPlot, colour: string, text: string, align: "left" | "right", y: number): void {
  const ratio = devicePixelRatio;
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = align;
  ctx.textBaseline = "bottom";
  ctx.fillStyle = colour;
  ctx.fillText(text, align === "right" ? bbox.left + bbox.width - 4 * ratio : bbox.left + 4 * ratio, y - 2 * ratio);
}

/** A tick at the foot for each bin in which mappings failed, higher for more of them. */
function drawFailures(chart: uPlot, timeline: PageTimeline, palette: Palette): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  const bottom = bbox.top + bbox.height;
  const most = Math.max(1, ...timeline.failures);
  ctx.fillStyle = palette.failure;
  timeline.failures.forEach((count, bin) => {
    if (count === 0) return;
    const from = chart.valToPos((timeline.from + bin * timeline.width) / 1e6, "x", true);
    const to = chart.valToPos((timeline.from + (bin + 1) * timeline.width) / 1e6, "x", true);
    const height = (6 + 14 * (count / most)) * ratio;
    ctx.fillRect(from, bottom - height, Math.max(1.5 * ratio, to - from), height);
  });
}
