/** Candidates for units from frames of the right form: tables that span frames are put together. */
import { frameBytes } from "../../../base/frame.js";
import type { UnitRoot } from "../../../table/device/attachment.js";
import type { Part, TableParts } from "../survey/table_parts.js";

const pageBytes = frameBytes;

/** A table of `frameCount` frames from `first` on. */
interface Span {
  first: number;
  frameCount: number;
  /** Entries that lead on. */
  count: number;
}

const deviceTableFramesMax = 512;
const streamTableFramesMax = 1024;
/** Candidates that are judged, those with most entries first. */
const unitsMax = 4096;

/** The image holds the frame and every word of it is zero. */
type IsEmpty = (frame: number) => boolean;

/** Units whose tables have these parts, those with most entries first of each kind. */
export function candidateUnits(parts: TableParts, isEmpty: IsEmpty): UnitRoot[] {
  const roots = most(parts.roots).flatMap(({ frame, scalableOnly }) => {
    const scalable = unit("vtd", "scalable", frame, pageBytes, 0);
    return scalableOnly ? [scalable] : [unit("vtd", "legacy", frame, pageBytes, 0), scalable];
  });
  const devices = most(spans(parts.devices, deviceTableFramesMax, isEmpty)).map((s) =>
    unit("amdvi", "v1+v2", s.first, s.frameCount * pageBytes, 0),
  );
  const streams = most(spans(parts.streams, streamTableFramesMax, isEmpty)).map((s) =>
    unit("smmuv3", "linear", s.first, Math.log2(s.frameCount * 64), 0),
  );
  const twoLevel = most(parts.descriptors).map(({ frame, span, last }) => {
    const split = span <= 7 ? 6 : span <= 9 ? 8 : 10;
    // Requester ids have 16 bits; more only where a descriptor says so.
    return unit("smmuv3", "two-level", frame, Math.max(16, split + Math.ceil(Math.log2(last + 1))), split);
  });
  return [...roots, ...devices, ...streams, ...twoLevel];
}

const most = <T extends { readonly count: number }>(of: readonly T[]): T[] =>
  of.toSorted((a, b) => b.count - a.count).slice(0, unitsMax);

/**
 * Tables of neighbouring frames. Frames that are all zeros may lie between; a table with no entry that leads on is none.
 * Software allocates tables in powers of two, aligned to their size: the smallest such block that covers the frames is
 * taken when what it adds is zero.
 */
function spans(parts: readonly Part[], framesMax: number, isEmpty: IsEmpty): Span[] {
  const found: Span[] = [];
  for (const { frame, count } of parts) {
    const last = found.at(-1);
    if (last !== undefined && frame - last.first < framesMax && bridged(last.first + last.frameCount, frame, isEmpty)) {
      last.frameCount = frame - last.first + 1;
      last.count += count;
    } else found.push({ first: frame, frameCount: 1, count });
  }
  return found.filter((s) => s.count > 0).map((s) => block(s, framesMax, isEmpty));
}

function bridged(from: number, to: number, isEmpty: IsEmpty): boolean {
  for (let f = from; f < to; f++) if (!isEmpty(f)) return false;
  return true;
}

function block(span: Span, framesMax: number, isEmpty: IsEmpty): Span {
  const end = span.first + span.frameCount;
  for (let size = 2 ** Math.ceil(Math.log2(span.frameCount)); size <= framesMax; size *= 2) {
    const first = span.first - (span.first % size);
    if (first + size < end) continue;
    if (bridged(first, span.first, isEmpty) && bridged(end, first + size, isEmpty))
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
    root: frame * pageBytes,
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
