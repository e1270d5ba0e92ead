/** Words of a memory change by its door only. The compiler is the test: an error that goes missing is itself an error. */
import { mfn } from "../../src/base/index.js";
import { write } from "../../src/bits/index.js";
import { Memory, type MemoryView, SegmentView } from "../../src/mem/index.js";
import { GrantV1 } from "../../src/spec/xen/grant_entry.js";
import { FrameSource, NestedView } from "../../src/table/index.js";

const memory = new Memory(1);
const words = memory.frame(mfn(0))!;
const view: MemoryView = memory;
const source = new FrameSource(view);

// @ts-expect-error a word of a frame is read only
words[0] = 1;
// @ts-expect-error and has no way to be filled
words.fill(1);
// @ts-expect-error or copied into
words.set([1]);
// @ts-expect-error or moved inside
words.copyWithin(0, 4);
// @ts-expect-error or sorted
words.sort();
// @ts-expect-error the bytes that it lies in are not given
words.buffer;
// @ts-expect-error a part of it is read only as well
words.subarray(0, 4)[0] = 1;
// @ts-expect-error what writes a field does not take it
write(words, 0, GrantV1.frame, 1);
// @ts-expect-error it is nothing that may be written
export const alias: Uint32Array = words;
// @ts-expect-error nor is it when it comes through a view
view.frame(mfn(0))![0] = 1;
// @ts-expect-error nor as a segment
new SegmentView([]).segment(mfn(0))!.words[0] = 1;
// @ts-expect-error nor where a walker keeps it at hand
source.words[0] = 1;
// @ts-expect-error nor through a second stage
new NestedView(view, {} as never).frame(mfn(0))![0] = 1;

export const copy: Uint32Array = words.slice();
