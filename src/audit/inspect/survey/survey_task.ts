/** One reading of an image for all that is looked for in it. */
import { frameBytes } from "../../../base/frame.js";
import { nameByCode } from "../../../spec/acpi/signatures.js";
import type { Task } from "./blocks_job.js";
import { crashInfo } from "./crash_info.js";
import { formsOf } from "./forms.js";
import { Mark } from "./marks.js";
import { addParts, mergeParts, noParts, type TableParts } from "./table_parts.js";

const pageBytes = frameBytes;

/** Plain data; every list ascends. */
export interface Found {
  readonly parts: TableParts;
  /** Byte addresses at which the name of one of the firmware's tables stands, by the name's code. */
  readonly names: ReadonlyMap<number, readonly number[]>;
  /** Frames that hold VMCOREINFO. */
  readonly crashInfo: readonly number[];
  /** Frames that begin as a device tree does. */
  readonly trees: readonly number[];
}

export interface Sought {
  /** Look for names too, which takes half as long again. */
  readonly names: boolean;
}

/** Places of one name: letters that stand in a text leave room for the other names. */
const namePlacesMax = 256;
const crashInfoMax = 16;
const treesMax = 2 ** 16;

export const surveyTask: Task<Sought, Found> = {
  name: "survey",

  begin(sought) {
    const parts = noParts();
    const names = new Map<number, number[]>(Array.from(nameByCode.keys(), (c) => [c, []]));
    const infos: number[] = [];
    const trees: number[] = [];
    const look = (frame: number, words: Uint32Array, marks: number) => {
      const forms = (marks & Mark.form) === 0 ? null : formsOf(words);
      if (forms !== null) addParts(parts, frame, forms, words);
      if ((marks & Mark.named) !== 0) notePlaces(names, frame, words);
      if ((marks & Mark.crashInfo) !== 0 && infos.length < crashInfoMax && crashInfo(words) !== null) infos.push(frame);
      if ((marks & Mark.tree) !== 0 && trees.length < treesMax) trees.push(frame);
    };
    return {
      found: { parts, names, crashInfo: infos, trees },
      take(tester) {
        const { count, frames } = tester.block;
        const marks = tester.mark(sought.names);
        for (let i = 0; i < count; i++) if (marks[i] !== 0) look(frames[i]!, tester.words[i]!, marks[i]!);
      },
    };
  },

  merge(all) {
    const ascending = (lists: readonly (readonly number[])[], max: number) =>
      lists
        .flat()
        .sort((a, b) => a - b)
        .slice(0, max);
    return {
      parts: mergeParts(all.map((f) => f.parts)),
      names: new Map(
        Array.from(nameByCode.keys(), (code) => [
          code,
          ascending(
            all.map((f) => f.names.get(code)!),
            namePlacesMax,
          ),
        ]),
      ),
      crashInfo: ascending(
        all.map((f) => f.crashInfo),
        crashInfoMax,
      ),
      trees: ascending(
        all.map((f) => f.trees),
        treesMax,
      ),
    };
  },
};

function notePlaces(names: ReadonlyMap<number, number[]>, frame: number, words: Uint32Array): void {
  for (let w = 0; w < words.length; w++) {
    const places = names.get(words[w]!);
    if (places !== undefined && places.length < namePlacesMax) places.push(frame * pageBytes + w * 4);
  }
}
