/** What must not compile. The compiler is the test: an error that goes missing is itself an error. */
import { type Dfn, type Mfn, mfn, pfn } from "../../src/base/index.js";
import { bit, bits, layout, read } from "../../src/bits/index.js";

const words = new Uint32Array(2);
const Entry = layout(
  { title: "entry", source: "none", bitCount: 64, ignored: [[11, 1]], reserved: [[63, 52]] },
  { r: bit(0, "1 = readable"), frame: bits<Mfn>(51, 12, "the frame") },
);

// @ts-expect-error a guest's frame is not a machine frame
export const wrongSpace: Mfn = pfn(1);
// @ts-expect-error arithmetic leaves the space; say where it went with above() or mfn()
export const decayed: Mfn = mfn(1) + 1;
// @ts-expect-error an entry's frame is a machine frame, whatever the device calls it
export const wrongRead: Dfn = read(words, 0, Entry.frame);
// @ts-expect-error one bit is 0 or 1
export const wrongBit: 2 = read(words, 0, Entry.r);

export const right: Mfn = read(words, 0, Entry.frame);
