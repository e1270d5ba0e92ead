/** Mappings that are alive, against plain lists that are searched from their beginning. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { LiveMappings } from "../../../src/lab/replay/events/live_mappings.js";
import { made } from "./made.js";

interface Plain {
  readonly entries: readonly number[];
  readonly device: number;
  readonly phys: readonly number[];
}

const alike = (a: readonly number[], b: readonly number[]) => a.every((x, k) => k >= b.length || x === b[k]);

test.each([1, 2])("singles by address and device, lists by their buffers, the oldest first (seed %i)", (seed) => {
  const rng = new Rng(seed);
  const maps = new Mappings();
  const live = new LiveMappings(maps);
  const singles: { m: number; device: number; address: number }[] = [];
  const lists: Plain[] = [];
  const anyDevice = () => rng.below(2);
  const anyPage = () => 4096 * (1 + rng.below(4));
  for (let step = 0; step < 4000; step++) {
    const device = anyDevice();
    const what = rng.below(step < 2500 ? 5 : 4);
    if (what === 0 || what === 4) {
      const address = anyPage();
      const m = made(maps, { device, address });
      live.add(m);
      singles.push({ m, device, address });
    } else if (what === 1) {
      const address = anyPage();
      const at = singles.findIndex((s) => s.device === device && s.address === address);
      expect(live.take(address, device)).toBe(at < 0 ? -1 : singles.splice(at, 1)[0]!.m);
    } else {
      const phys = Array.from({ length: 1 + rng.below(3) }, anyPage);
      const columns = Float64Array.from([-1, ...phys]);
      if (what === 2) {
        const entries = phys.map((orig) => made(maps, { device, orig, address: orig }));
        live.addList(Int32Array.from(entries), columns, 1, phys.length);
        lists.push({ entries, device, phys });
        continue;
      }
      const at = lists.findIndex((l) => l.device === device && alike(l.phys, phys));
      const expected = at < 0 ? [] : lists.splice(at, 1)[0]!.entries;
      const taken: number[] = [];
      for (let m = live.takeList(device, columns, 1, phys.length); m !== -1; m = live.next(m)) taken.push(m);
      expect(taken).toEqual(expected);
    }
  }
  const living = [...singles.map(({ m }) => m), ...lists.flatMap((l) => l.entries)];
  expect(living.length).toBeGreaterThan(300);
  expect([...live].sort((a, b) => a - b)).toEqual(living.sort((a, b) => a - b));
});

test("what was mapped before the recording is found by any address in its slot, or by its buffer, once", () => {
  const maps = new Mappings();
  const live = new LiveMappings(maps);
  const [a, b, c] = [0x70000800, 0x70001000, 0x70002000].map((address, k) => {
    return made(maps, { device: -1, address, orig: k === 2 ? Number.NaN : 0x1000 * (k + 1) });
  }) as [number, number, number];
  for (const m of [a, b, c]) live.hold(m);
  expect([...live]).toEqual([a, b, c]);
  expect(live.take(0x70003000, 0)).toBe(-1);
  expect(live.take(0x70000fff, 5)).toBe(a);
  expect(live.take(0x70000800, 5)).toBe(-1);
  expect(live.takeHeld(Float64Array.of(9, 0x1000, 0x7000, 0x2000), 1, 3)).toEqual([b]);
  expect(live.takeHeld(Float64Array.of(0x2000), 0, 1)).toEqual([]);
  expect(live.take(0x70002100, 0)).toBe(c);
  expect([...live]).toEqual([]);
});
