/** Device tables found by their form, in the recorded machines' memories. */
import { describe, expect, it } from "vitest";
import { scanImage } from "../../../src/audit/reach/scan.js";
import { mfn } from "../../../src/base/index.js";
import { type Segment, SegmentView } from "../../../src/mem/index.js";
import { captures, segmentsOf, unitOf } from "../../table/device/captured.js";

/** Segments as an image that can be read from end to end. */
export function imageOf(segments: readonly Segment[]) {
  const view = new SegmentView(segments);
  return {
    frame: view.frame.bind(view),
    each(visit: (m: ReturnType<typeof mfn>, words: Uint32Array) => void) {
      for (const { first, frameCount, words } of segments) {
        for (let n = 0; n < frameCount; n++) visit(mfn(first + n), words.subarray(n * 1024, n * 1024 + 1024));
      }
    },
  };
}

describe("a memory without registers", () => {
  it.each(captures)("%s: the unit is found", (name) => {
    const found = scanImage(imageOf(segmentsOf(name)));
    const { kind, root, size, split } = unitOf(name);
    expect(found.filter((c) => c.chosen).map(({ unit: u }) => [u.kind, u.root, u.size, u.split])).toEqual([
      [kind, root, size, split],
    ]);
  });
});
