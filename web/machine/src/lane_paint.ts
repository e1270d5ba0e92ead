/** Lanes on a canvas: mappings as bars on the driver's lane, all else as marks. */
import type { MachinePageData } from "dmalab/report";
import type { Palette } from "../../shared/palette";
import { colourOf } from "./data";

const laneHeight = 34;
const barHeight = 7;
const barGap = 2;
/** Mappings that live at once have rows of their own, up to this many. */
const rowsMax = 16;

/** Where things stand, apart from the span in sight. */
export interface Places {
  readonly height: number;
  /** Upper edge of each lane and its height. */
  readonly lanes: readonly { readonly y: number; readonly height: number }[];
  /** Row of each DMA on the driver's lane; the last row is shared by all that find no other. */
  readonly rows: readonly number[];
}

export function placesOf({ dmas, events, lanes }: MachinePageData): Places {
  const free: number[] = [];
  const rows = dmas.map((d) => {
    const at = free.findIndex((end) => end <= d.begin);
    const row = at >= 0 ? at : Math.min(free.length, rowsMax - 1);
    free[row] = d.end ?? events.length;
    return row;
  });
  const used = Math.max(1, free.length);
  let y = 0;
  const heights = lanes.map((_, n) => (n === 0 ? used * (barHeight + barGap) + 14 : laneHeight));
  const placed = heights.map((height) => {
    const lane = { y, height };
    y += height;
    return lane;
  });
  return { height: y + 2, lanes: placed, rows };
}

export const gutterOf = (width: number): number => (width < 520 ? 62 : 84);

interface Span {
  readonly from: number;
  readonly to: number;
  readonly dma: number | null;
  readonly event: number | null;
  readonly device: number | null;
}

interface Scene {
  readonly places: Places;
  readonly width: number;
  readonly gutter: number;
  readonly plot: number;
  readonly palette: Palette;
  readonly view: Span;
  readonly data: MachinePageData;
}

export function paint(context: CanvasRenderingContext2D, o: Scene): void {
  const { places, width, gutter, plot, palette, view, data } = o;
  const scale = plot / (view.to - view.from);
  const xOf = (n: number): number => gutter + (n - view.from) * scale;
  context.clearRect(0, 0, width, places.height);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const [n, { y, height }] of places.lanes.entries()) {
    context.fillStyle = palette.grid;
    context.fillRect(0, y + height, width, 1);
    context.fillStyle = palette.text;
    context.fillText(data.lanes[n]!, 0, y + height / 2);
  }
  context.save();
  context.beginPath();
  context.rect(gutter, 0, plot, places.height);
  context.clip();
  const isDim = (device: number, dma: number) =>
    (view.device !== null && device !== view.device) || (view.dma !== null && dma !== view.dma);
  for (const [n, d] of data.dmas.entries()) {
    const end = d.end ?? data.events.length;
    if (end < view.from || d.begin > view.to) continue;
    context.globalAlpha = isDim(d.device, n) ? 0.22 : 1;
    context.fillStyle = colourOf(palette, d.device);
    const y = places.lanes[0]!.y + 7 + places.rows[n]! * (barHeight + barGap);
    context.fillRect(xOf(d.begin), y, Math.max(1.5, (end - d.begin) * scale), barHeight);
  }
  const wide = Math.max(1, Math.min(10, scale - 1));
  const [first, last] = [Math.max(0, Math.floor(view.from)), Math.min(data.events.length, Math.ceil(view.to))];
  const inSight = Array.from({ length: Math.max(0, last - first) }, (_, n) => first + n);
  // Trouble is painted last: of all that share a pixel it is what is seen.
  const isTrouble = (n: number) => data.events[n]!.trouble === true;
  for (const n of [...inSight.filter((e) => !isTrouble(e)), ...inSight.filter(isTrouble)]) {
    const e = data.events[n]!;
    const { y, height } = places.lanes[e.lane]!;
    context.globalAlpha = isDim(e.device, e.dma) ? 0.22 : 1;
    context.fillStyle = e.trouble === true ? palette.failure : colourOf(palette, e.device);
    const tall = e.trouble === true ? height - 6 : height - 14;
    context.fillRect(xOf(n), y + (height - tall) / 2, wide, tall);
  }
  context.globalAlpha = 1;
  if (view.event !== null) {
    context.strokeStyle = palette.text;
    context.lineWidth = 1;
    context.strokeRect(xOf(view.event) - 1.5, 0.5, wide + 3, places.height - 3);
  }
  context.restore();
}

interface Pointed {
  readonly places: Places;
  readonly data: MachinePageData;
  readonly view: Span;
  /** The place between events, and how many events a pixel is. */
  readonly at: number;
  readonly perPixel: number;
  readonly y: number;
}

/** @returns the event that is pointed at: a mark of the lane, or the beginning of a mapping; null: none is near */
export function hit({ places, data, view, at, perPixel, y }: Pointed): number | null {
  if (at < view.from || at > view.to) return null;
  const lane = places.lanes.findIndex((l) => y >= l.y && y < l.y + l.height);
  if (lane === 0) {
    const row = Math.floor((y - places.lanes[0]!.y - 7) / (barHeight + barGap));
    const found = data.dmas.findLastIndex(
      (d, n) => places.rows[n] === row && d.begin <= at && (d.end ?? data.events.length) + perPixel >= at,
    );
    return found < 0 ? null : data.dmas[found]!.begin;
  }
  const near = Math.max(1, perPixel * 6);
  let best: number | null = null;
  for (let n = Math.max(0, Math.floor(at - near)); n <= Math.min(data.events.length - 1, at + near); n++) {
    if (data.events[n]!.lane !== lane) continue;
    if (best === null || Math.abs(n + 0.5 - at) < Math.abs(best + 0.5 - at)) best = n;
  }
  return best;
}
