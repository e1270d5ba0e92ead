/** Painting the map: every row is a strip of pixels, each showing who reaches the pages beneath it. */
import { type Palette, pixelOf } from "../../shared/palette";
import { type Blocks, blocksUpTo } from "./columns";
import { type RowPlan, rowAt } from "./rows";
import type { Sweep } from "./sweep";

export interface MapColours {
  /** By reach, as pixels. */
  readonly reaches: readonly number[];
  readonly free: number;
  readonly hole: number;
  readonly holeLine: number;
  readonly ground: number;
}

/**
 * @param order reaches in the order of their colours
 * @param isOpen some device reaches all of memory: what no table maps is tinted
 */
export function mapColours(palette: Palette, order: readonly number[], count: number, isOpen: boolean): MapColours {
  const reaches = new Array<number>(count).fill(pixelOf(palette.others));
  palette.devices.forEach((colour, place) => {
    if (place < order.length) reaches[order[place]!] = pixelOf(colour);
  });
  return {
    reaches,
    free: isOpen ? mixed(pixelOf(palette.held), pixelOf(palette.failure), 0.28) : pixelOf(palette.held),
    hole: pixelOf(palette.ground),
    holeLine: pixelOf(palette.grid),
    ground: pixelOf(palette.ground),
  };
}

/** What a map is painted from; lengths are pixels of the canvas. */
export interface MapPicture {
  readonly plan: RowPlan;
  readonly sweep: Sweep;
  readonly held: Blocks;
  readonly width: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly stripHeight: number;
  /** First row in sight, a whole number, and how far it is scrolled out. */
  readonly firstRow: number;
  readonly shift: number;
  readonly colours: MapColours;
  /** Pixels of a stripe where several reach a page. */
  readonly stripe: number;
}

export function paintMap(picture: MapPicture): ImageData {
  const { plan, width, height, rowHeight, stripHeight, firstRow, shift, colours, stripe } = picture;
  const image = new ImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  out.fill(colours.ground);
  const strip = new Strip(width);
  for (let row = firstRow; row < plan.rowCount; row++) {
    const y0 = (row - firstRow) * rowHeight - shift;
    if (y0 >= height) break;
    strip.fill(picture, row);
    for (let dy = 0; dy < stripHeight; dy++) {
      const y = y0 + dy;
      if (y < 0 || y >= height) continue;
      const at = y * width;
      for (let x = 0; x < width; x++) {
        const second = strip.second[x]!;
        const odd = (Math.floor((x + dy) / stripe) & 1) !== 0;
        out[at + x] = odd && second !== 0 ? second : strip.first[x]!;
      }
    }
  }
  return image;
}

/** The pixels of one row: a colour for each, and a second one where there are stripes. */
class Strip {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly #set: Int32Array;
  readonly #share: Float32Array;
  readonly #held: Float32Array;
  readonly #width: number;

  constructor(width: number) {
    this.first = new Uint32Array(width);
    this.second = new Uint32Array(width);
    this.#set = new Int32Array(width);
    this.#share = new Float32Array(width);
    this.#held = new Float32Array(width);
    this.#width = width;
  }

  fill({ plan, sweep, held, colours }: MapPicture, row: number): void {
    const { page, extent } = rowAt(plan, row);
    const scale = this.#width / plan.pagesPerRow;
    const end = page + plan.pagesPerRow;
    this.#set.fill(-1);
    this.#share.fill(0);
    this.#held.fill(0);
    eachPart(held, page, end, scale, (x, share) => {
      this.#held[x]! += share;
    });
    eachPart(sweep, page, end, scale, (x, share, i) => {
      const own = sweep.set[i]!;
      const before = this.#set[x]!;
      const members = (s: number) => sweep.sets[s]!.length;
      if (before < 0 || members(own) > members(before)) this.#set[x] = own;
      this.#share[x]! += share;
    });
    const outside = { from: (extent.from - page) * scale, to: (extent.to - page) * scale };
    const cell = this.#width / plan.columns;
    for (let x = 0; x < this.#width; x++) {
      this.second[x] = 0;
      const edge = cell >= 5 && plan.pagesPerCell === 1 && Math.floor((x + 1) / cell) > Math.floor(x / cell);
      if (edge || x + 1 <= outside.from || x >= outside.to) {
        this.first[x] = colours.ground;
        continue;
      }
      const isHeld = this.#held[x]! > 0;
      const ground = isHeld ? colours.free : colours.hole;
      const own = this.#set[x]!;
      if (own < 0) {
        this.first[x] = ground;
        if (!isHeld) this.second[x] = colours.holeLine;
        continue;
      }
      // Even one page of thousands must be seen, and a full pixel be told from it.
      const weight = 0.3 + 0.7 * Math.sqrt(Math.min(1, this.#share[x]!));
      const [a, b] = sweep.sets[own]!;
      this.first[x] = mixed(ground, colours.reaches[a!]!, weight);
      if (b !== undefined) this.second[x] = mixed(ground, colours.reaches[b]!, weight);
    }
  }
}

/** Call `visit` for each pixel that a block touches between two pages, with the share of the pixel. */
function eachPart(
  blocks: Blocks,
  page: number,
  end: number,
  scale: number,
  visit: (x: number, share: number, block: number) => void,
): void {
  const { from, to, count } = blocks;
  for (let i = Math.max(0, blocksUpTo(from, count, page) - 1); i < count && from[i]! < end; i++) {
    const left = (Math.max(from[i]!, page) - page) * scale;
    const right = (Math.min(to[i]!, end) - page) * scale;
    for (let x = Math.floor(left); x < right; x++) visit(x, Math.min(right, x + 1) - Math.max(left, x), i);
  }
}

function mixed(ground: number, colour: number, weight: number): number {
  const part = (shift: number) =>
    Math.round(((ground >>> shift) & 255) * (1 - weight) + ((colour >>> shift) & 255) * weight) << shift;
  return ((255 << 24) | part(16) | part(8) | part(0)) >>> 0;
}
