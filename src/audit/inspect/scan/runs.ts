/** Candidates for units from frames of the right form: tables that span frames are put together. */
import type { UnitRoot } from "../../../table/device/attachment.js";
import type { Forms } from "./forms.js";

/** A part of a table: a frame, and how many of its entries lead on. */
interface Part {
  readonly frame: number;
  readonly count: number;
}

/** A table of `frameCount` frames from `first` on. */
interface Span {
  first: number;
  frameCount: number;
  /** Entries that lead on. */
  count: number;
}

const deviceTableFramesMax = 512;
const streamTableFramesMax = 1024;
/** Frames of one form that are kept; a real memory has a few hundred. */
const partsMax = 2 ** 16;
/** Candidates that are judged, those with most entries first. */
const unitsMax = 4096;

/** What is known of frames that no form fits. */
export interface Frames {
  /** The image holds the frame and every word of it is zero. */
  isZero(frame: number): boolean;
}

export class Candidates {
  readonly #roots: (Part & { readonly scalableOnly: boolean })[] = [];
  readonly #devices: Part[] = [];
  readonly #streams: Part[] = [];
  readonly #descriptors: (Part & { readonly span: number; readonly last: number })[] = [];

  take(frame: number, forms: Forms, words: Uint32Array): void {
    const add = <P extends Part>(to: P[], part: P) => {
      if (to.length < partsMax) to.push(part);
    };
    if (forms.vtdRoot !== 0) add(this.#roots, { frame, count: entriesOf(words), scalableOnly: forms.vtdRoot === 2 });
    if (forms.deviceEntries >= 0) add(this.#devices, { frame, count: forms.deviceEntries });
    if (forms.streamEntries >= 0) add(this.#streams, { frame, count: forms.streamEntries });
    if (forms.streamDescriptors > 0) {
      let last = 1022;
      while (words[last] === 0 && words[last + 1] === 0) last -= 2;
      add(this.#descriptors, { frame, count: forms.streamDescriptors, span: forms.spanLargest, last: last / 2 });
    }
  }

  units(frames: Frames): UnitRoot[] {
    const roots = most(this.#roots).flatMap(({ frame, scalableOnly }) => {
      const scalable = unit("vtd", "scalable", frame, 4096, 0);
      return scalableOnly ? [scalable] : [unit("vtd", "legacy", frame, 4096, 0), scalable];
    });
    const devices = most(spans(this.#devices, deviceTableFramesMax, frames)).map((s) =>
      unit("amdvi", "v1+v2", s.first, s.frameCount * 4096, 0),
    );
    const streams = most(spans(this.#streams, streamTableFramesMax, frames)).map((s) =>
      unit("smmuv3", "linear", s.first, Math.log2(s.frameCount * 64), 0),
    );
    const twoLevel = most(this.#descriptors).map(({ frame, span, last }) => {
      const split = span <= 7 ? 6 : span <= 9 ? 8 : 10;
      // Requester ids have 16 bits; more only where a descriptor says so.
      return unit("smmuv3", "two-level", frame, Math.max(16, split + Math.ceil(Math.log2(last + 1))), split);
    });
    return [...roots, ...devices, ...streams, ...twoLevel];
  }
}

function entriesOf(words: Uint32Array): number {
  let count = 0;
  for (let w = 0; w < words.length; w += 2) count += words[w]! & 1;
  return count;
}

const most = <T extends { readonly count: number }>(of: readonly T[]): T[] =>
  of.toSorted((a, b) => b.count - a.count).slice(0, unitsMax);

/**
 * Tables of neighbouring frames. Frames that are all zeros may lie between; a table with no entry that leads on is none.
 * Software allocates tables in powers of two, aligned to their size: the smallest such block that covers the frames is
 * taken when what it adds is zero.
 */
function spans(parts: readonly Part[], framesMax: number, frames: Frames): Span[] {
  const found: Span[] = [];
  for (const { frame, count } of parts) {
    const last = found.at(-1);
    if (last !== undefined && frame - last.first < framesMax && bridged(last.first + last.frameCount, frame, frames)) {
      last.frameCount = frame - last.first + 1;
      last.count += count;
    } else found.push({ first: frame, frameCount: 1, count });
  }
  return found.filter((s) => s.count > 0).map((s) => block(s, framesMax, frames));
}

function bridged(from: number, to: number, frames: Frames): boolean {
  for (let f = from; f < to; f++) if (!frames.isZero(f)) return false;
  return true;
}

function block(span: Span, framesMax: number, frames: Frames): Span {
  const end = span.first + span.frameCount;
  for (let size = 2 ** Math.ceil(Math.log2(span.frameCount)); size <= framesMax; size *= 2) {
    const first = span.first - (span.first % size);
    if (first + size < end) continue;
    if (bridged(first, span.first, frames) && bridged(end, first + size, frames))
      return { ...span, first, frameCount: size };
    break;
  }
  // A power of two is needed where the size is one (stream tables); entries that are cut off are none.
  return { ...span, frameCount: 2 ** Math.floor(Math.log2(span.frameCount)) };
}

function unit(kind: UnitRoot["kind"], mode: string, frame: number, size: number, split: number): UnitRoot {
  return {
    kind,
    mode,
    root: frame * 4096,
    size,
    split,
    registersAt: null,
    translating: null,
    interruptRemapping: null,
    interruptTable: null,
    outputBits: 52,
    found: "scan",
    segment: 0,
  };
}
