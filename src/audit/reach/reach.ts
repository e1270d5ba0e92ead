/** From attachments to what they reach: each table is read once, however many devices share it. */
import { mfn } from "../../base/frame.js";
import type { MemoryView } from "../../mem/view.js";
import type { Attachment } from "../../table/device/attachment.js";
import {
  type EnumerateOptions,
  enumerate,
  enumerateNested,
  Ranges,
  type Trouble,
  Troubles,
} from "../../table/index.js";
import type { TableFrames } from "./table_frames.js";

/** What the tables of one attachment come to. */
export interface Reach {
  /** null: the device is not translated. */
  readonly ranges: Ranges | null;
  readonly troubles: readonly Trouble[];
}

const nothing: Reach = { ranges: null, troubles: [] };

export class ReachReader {
  readonly #memory: MemoryView;
  readonly #tables: TableFrames;
  readonly #done = new Map<string, Reach>();

  /** @param tables is told of every frame that holds page tables of the unit; not of those that a guest keeps */
  constructor(memory: MemoryView, tables: TableFrames) {
    this.#memory = memory;
    this.#tables = tables;
  }

  of(attachment: Attachment): Reach {
    if (attachment.state !== "translated") return nothing;
    const { first, second } = attachment;
    const key = JSON.stringify([first, second]);
    const known = this.#done.get(key);
    if (known !== undefined) return known;
    const reach = this.#read(attachment);
    this.#done.set(key, reach);
    return reach;
  }

  #read({ first, second }: Attachment): Reach {
    const ranges = new Ranges();
    const troubles = new Troubles();
    const noting: EnumerateOptions = {
      visitTable: (frame, count) => {
        for (let n = 0; n < count; n++) this.#tables.add(mfn(frame + n), "page table");
      },
    };
    if (second === null) for (const root of first) enumerate(this.#memory, root, ranges, troubles, noting);
    else if (first.length === 0) enumerate(this.#memory, second, ranges, troubles, noting);
    else {
      const below = new Ranges();
      enumerate(this.#memory, second, below, troubles, noting);
      for (const root of first)
        enumerateNested(this.#memory, { first: root, second }, ranges, troubles, { second: below });
    }
    return { ranges, troubles: troubles.list };
  }
}
