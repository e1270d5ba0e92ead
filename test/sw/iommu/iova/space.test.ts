import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IovaSpace, PlainIovaSpace } from "../../../../src/sw/iommu/iova/index.js";

const top32 = 2 ** 20 - 1;

describe("a space below 4 GiB", () => {
  test("gives from the top down, at multiples of the size", () => {
    const space = new IovaSpace();
    expect([1, 3, 1, 8].map((frames) => space.alloc(frames, top32, true))).toEqual([
      0xfffff, 0xffffc, 0xffffb, 0xffff0,
    ]);
  });

  test("without alignment, right below", () => {
    const space = new IovaSpace();
    expect([1, 3, 8].map((frames) => space.alloc(frames, top32, false))).toEqual([0xfffff, 0xffffc, 0xffff4]);
  });

  test("frame 0 is never given", () => {
    const space = new IovaSpace();
    expect(space.alloc(top32 + 1, top32, false)).toBe(-1);
    expect(space.alloc(top32, top32, false)).toBe(1);
  });

  test("a size that did not fit is refused until something below 4 GiB is freed", () => {
    const space = new IovaSpace();
    space.reserve(1, top32 - 8);
    const held = space.alloc(4, top32, false);
    expect(space.alloc(8, top32, false)).toBe(-1);
    // Room for it now, in a place that no search has seen: the size is remembered, not the room.
    const high = space.alloc(1, 2 ** 30, false);
    space.free(high);
    expect(space.alloc(8, top32, false)).toBe(-1);
    space.free(held);
    expect(space.alloc(8, top32, false)).toBe(top32 - 7);
  });

  test("reserved frames are passed over; ranges that touch become one", () => {
    const space = new IovaSpace();
    space.reserve(0xffff0, 0xffff8);
    space.reserve(0xffff4, 0xfffff);
    expect(space.count).toBe(1);
    expect(space.alloc(1, top32, true)).toBe(0xfffef);
  });
});

test("what is not in use is not freed", () => {
  const space = new IovaSpace();
  const at = space.alloc(4, top32, true);
  expect([space.free(at + 1), space.free(at), space.free(at)]).toEqual([false, true, false]);
});

test("a place that is in use is not taken", () => {
  const space = new IovaSpace();
  const at = space.alloc(4, top32, true);
  expect([space.take(at + 3, 1), space.take(at - 1, 2), space.take(at - 1, 1)]).toEqual([false, false, true]);
});

test("`find` says what `alloc` gives, and changes nothing", () => {
  const space = new IovaSpace();
  for (let i = 0; i < 500; i++) {
    const frames = 1 + ((i * 7) % 40);
    const found = [space.find(frames, top32, true), space.find(frames, top32, true)];
    const at = space.alloc(frames, top32, true);
    expect(found).toEqual([at, at]);
    if (i % 3 === 0) space.free(at);
  }
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("alloc"),
      frames: fc.oneof(fc.nat(40), fc.nat(3000)),
      limit: fc.constantFrom(top32, 2 ** 12, 2 ** 14 - 1, 2 ** 24),
      aligned: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("free"), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reserve"), at: fc.nat(2 ** 14), frames: fc.nat(50) }) },
) as fc.Arbitrary<{ do: string; frames: number; limit: number; aligned: boolean; which: number; at: number }>;

test("every answer is the plain space's", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 400 }), (steps) => {
      const fast = new IovaSpace();
      const plain = new PlainIovaSpace();
      const live: number[] = [];
      let reserved = false;
      for (const s of steps) {
        if (s.do === "alloc") {
          const asked = [s.frames + 1, s.limit, s.aligned] as const;
          const at = fast.alloc(...asked);
          expect(at).toBe(plain.alloc(...asked));
          if (at >= 0) live.push(at);
        } else if (s.do === "free" && live.length > 0) {
          const [at] = live.splice(s.which % live.length, 1);
          expect(fast.free(at!)).toBe(plain.free(at!));
        } else if (s.do === "reserve" && !reserved && live.length === 0) {
          // As the kernel does it: before the first address is given.
          reserved = true;
          fast.reserve(s.at, s.at + s.frames);
          plain.reserve(s.at, s.at + s.frames);
        }
      }
    }),
    { numRuns: 300 },
  );
});
