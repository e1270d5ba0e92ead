import { describe, expect, test } from "vitest";
import { DomainSpace, Magazines, sizeClass } from "../../../../src/sw/iommu/iova/index.js";

const every = Number.POSITIVE_INFINITY;
const rules = { addresses: 2, depot: 1 };
const never = () => {
  throw new Error("nothing overflows");
};

describe("magazines of two addresses, a depot of one", () => {
  test("the newest comes first; another CPU's are not seen", () => {
    const kept = new Magazines(rules);
    for (const f of [10, 20, 30]) kept.keep(0, f, never);
    expect([
      kept.take(1, every),
      kept.take(0, every),
      kept.take(0, every),
      kept.take(0, every),
      kept.take(0, every),
    ]).toEqual([-1, 30, 20, 10, -1]);
  });

  test("full ones go to the depot, from where any CPU takes them; what it does not take overflows", () => {
    const kept = new Magazines(rules);
    const over: number[] = [];
    for (let f = 1; f <= 7; f++) kept.keep(0, f, (frame) => over.push(frame));
    expect([kept.depotSize, over]).toEqual([1, [5, 6]]);
    expect([kept.take(1, every), kept.take(1, every), kept.take(1, every)]).toEqual([4, 3, -1]);
  });

  test("one above the limit is passed over; the newest takes its place", () => {
    const kept = new Magazines({ addresses: 4, depot: 0 });
    for (const f of [5, 50, 6, 60]) kept.keep(0, f, never);
    expect([kept.peek(0, 7), kept.take(0, 7), kept.take(0, 7), kept.take(0, every), kept.take(0, every)]).toEqual([
      6, 6, 5, 50, 60,
    ]);
  });
});

test("sizes by class: a power of two each", () => {
  expect([1, 2, 3, 4, 5, 8, 9, 32, 33].map(sizeClass)).toEqual([0, 1, 2, 2, 3, 3, 4, 5, 6]);
});

describe("a domain", () => {
  const all = 2 ** 48 - 1;

  test("gives a freed address again to the CPU that freed it, and to no other", () => {
    const domain = new DomainSpace();
    const at = domain.alloc(0, 3, all, true);
    domain.free(0, at, 3);
    expect([domain.alloc(1, 4, all, true), domain.alloc(0, 4, all, true)]).toEqual([at - 4, at]);
  });

  test("sizes below 32 frames are rounded up; larger ones are not, but begin where they would", () => {
    const domain = new DomainSpace();
    const five = domain.alloc(0, 5, all, true);
    expect([five % 8, domain.alloc(0, 1, all, true)]).toEqual([0, five - 1]);
    const large = domain.alloc(0, 33, all, true);
    expect([large % 64, domain.alloc(0, 1, all, true)]).toEqual([0, large - 1]);
  });

  test("below 4 GiB first; above when that is full, if the device reaches it", () => {
    const domain = new DomainSpace();
    domain.reserve(0, 2 ** 32 - 1 - 4096);
    expect(domain.alloc(0, 1, all, true)).toBe(2 ** 20 - 1);
    expect(domain.alloc(0, 1, 2 ** 32 - 1, true)).toBe(-1);
    expect(domain.alloc(0, 1, all, true)).toBe(2 ** 36 - 1);
  });

  test("a device that is asked for anywhere at once gets the top", () => {
    expect(new DomainSpace().alloc(0, 1, all, false)).toBe(2 ** 36 - 1);
  });

  test("when it is full, what CPUs keep is given back before it is refused", () => {
    const domain = new DomainSpace();
    domain.reserve(0, 2 ** 32 - 1 - 2 * 4096);
    const held = [domain.alloc(0, 1, 2 ** 32 - 1, false), domain.alloc(1, 1, 2 ** 32 - 1, false)];
    domain.free(0, held[0]!, 1);
    domain.free(1, held[1]!, 1);
    expect(domain.alloc(0, 2, 2 ** 32 - 1, false)).toBe(2 ** 20 - 2);
  });

  test("`peek` says what `alloc` gives", () => {
    const domain = new DomainSpace();
    const live: [number, number][] = [];
    for (let i = 0; i < 2000; i++) {
      const frames = 1 + ((i * 13) % 37);
      const cpu = i % 3;
      const seen = domain.peek(cpu, frames, all, true);
      const at = domain.alloc(cpu, frames, all, true);
      expect(at).toBe(seen);
      live.push([at, frames]);
      if (i % 3 !== 0) domain.free((i * 5) % 3, ...live.splice((i * 7) % live.length, 1)[0]!);
    }
  });

  test("a claimed address is not given again, wherever it was", () => {
    const domain = new DomainSpace();
    const at = domain.alloc(0, 2, all, true);
    expect(domain.claim(at, 2)).toBe(false);
    domain.free(0, at, 2);
    expect([domain.claim(at, 2), domain.alloc(0, 2, all, true)]).toEqual([true, at - 2]);
    expect([domain.claim(at - 8, 2), domain.alloc(0, 2, all, true)]).toEqual([true, at - 10]);
  });
});
