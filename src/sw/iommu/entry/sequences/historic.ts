/**
 * Ways that were bugs, and that no table of replacements offers: what they leave is no torn entry but a wrong one.
 *
 * Source: XSA-390 (02b46377b6), XSA-445 (fe1e4668b3), XSA-450 (cc6ba68edf) of Xen; Linux 93eee2a49c1b.
 */
import { read, write } from "../../../../bits/field.js";
import { DeviceEntry } from "../../../../spec/amdvi/device_entry.js";
import { ContextEntry } from "../../../../spec/vtd/context_entry.js";
import { flush, type Sequence, store, sync } from "./sequence.js";

/** The whole entry, with what `alters` made of it. */
const altered =
  (alters: (entry: Uint32Array, from: Uint32Array) => void): Sequence["steps"] =>
  ({ from, to }) => {
    const entry = to.slice();
    alters(entry, from);
    return [store(0, entry), sync, flush("old")];
  };

export const historicSequences = {
  "three-levels": {
    title: "with the width of a table of three levels over one of four",
    source: "Xen before 02b46377b6",
    steps: altered((entry) => write(entry, 0, ContextEntry.aw, read(entry, 0, ContextEntry.aw) - 1)),
  },
  "old-root": {
    title: "under the new id, with the table of the branch that was to be left out",
    source: "Xen before cc6ba68edf",
    steps: altered((entry, from) => write(entry, 0, ContextEntry.frame, read(from, 0, ContextEntry.frame))),
  },
  "fewer-levels": {
    title: "with a level less than the table has",
    source: "Xen before fe1e4668b3",
    steps: altered((entry) => write(entry, 0, DeviceEntry.mode, read(entry, 0, DeviceEntry.mode) - 1)),
  },
  "id-as-flag": {
    title: "a domain id that only says whether a flag is set",
    source: "Linux since 93eee2a49c1b",
    steps: altered((entry) => {
      write(entry, 0, DeviceEntry.i, read(entry, 0, DeviceEntry.did) === 0 ? 0 : 1);
      write(entry, 0, DeviceEntry.did, 0);
    }),
  },
} as const satisfies Readonly<Record<string, Sequence>>;
