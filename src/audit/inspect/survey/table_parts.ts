/** Frames that have the form of a unit's device tables, with what their form allows: plain data. */
import type { Forms } from "./forms.js";

/** A part of a table: a frame, and how many of its entries lead on. */
export interface Part {
  readonly frame: number;
  readonly count: number;
}

/** Ascending, each. */
export interface TableParts {
  readonly roots: (Part & { readonly scalableOnly: boolean })[];
  readonly devices: Part[];
  readonly streams: Part[];
  /** `last` is the last descriptor that is not zero. */
  readonly descriptors: (Part & { readonly span: number; readonly last: number })[];
}

/** Frames of one form that are kept; a real memory has a few hundred. */
const partsMax = 2 ** 16;

export const noParts = (): TableParts => ({ roots: [], devices: [], streams: [], descriptors: [] });

/** Note a frame behind those that were noted before. */
export function addParts(to: TableParts, frame: number, forms: Forms, words: Uint32Array): void {
  const add = <P extends Part>(list: P[], part: P) => {
    if (list.length < partsMax) list.push(part);
  };
  if (forms.vtdRoot !== 0) add(to.roots, { frame, count: entriesOf(words), scalableOnly: forms.vtdRoot === 2 });
  if (forms.deviceEntries >= 0) add(to.devices, { frame, count: forms.deviceEntries });
  if (forms.streamEntries >= 0) add(to.streams, { frame, count: forms.streamEntries });
  if (forms.streamDescriptors > 0) {
    let last = 1022;
    while (words[last] === 0 && words[last + 1] === 0) last -= 2;
    add(to.descriptors, { frame, count: forms.streamDescriptors, span: forms.spanLargest, last: last / 2 });
  }
}

export function mergeParts(all: readonly TableParts[]): TableParts {
  const merge = <P extends Part>(lists: readonly P[][]): P[] =>
    lists
      .flat()
      .sort((a, b) => a.frame - b.frame)
      .slice(0, partsMax);
  return {
    roots: merge(all.map((p) => p.roots)),
    devices: merge(all.map((p) => p.devices)),
    streams: merge(all.map((p) => p.streams)),
    descriptors: merge(all.map((p) => p.descriptors)),
  };
}

function entriesOf(words: Uint32Array): number {
  let count = 0;
  for (let w = 0; w < words.length; w += 2) count += words[w]! & 1;
  return count;
}
