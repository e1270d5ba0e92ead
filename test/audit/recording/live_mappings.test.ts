/** Mappings that are alive, more than there was room for at first, against a list that is looked through. */
import { expect, test } from "vitest";
import { Chains, mixed } from "../../../src/audit/recording/chains.js";
import { LiveMappings, MappingKind, Reach } from "../../../src/audit/recording/mappings.js";
import { grouped } from "../../../src/base/grouped.js";
import { createRandom } from "../../random.js";

interface Plain {
  readonly serial: number;
  readonly device: number;
  readonly dma: number;
  readonly phys: number;
  readonly size: number;
  readonly direction: number;
  readonly attrs: number;
  readonly time: number;
  readonly kind: MappingKind;
  /** Frames at both ends. */
  readonly ends: readonly number[];
  list: number;
}

const { single, list, coherent } = MappingKind;
const frame = (address: number) => Math.floor(address / 4096);
/** No end is waited for, and none was lost. */
const ends = { settled: Number.POSITIVE_INFINITY, lostAt: 0 };

/** Columns of one mapping, as they must be. */
const row = (p: Plain) => [p.device, p.dma, p.phys, p.size, p.direction, p.attrs, p.time, p.kind, p.serial];

/** All that can be asked of the mapping, as the columns answer and as the list does. */
function answers(live: LiveMappings, m: number, p: Plain, of: Plainly): readonly (readonly [unknown, unknown])[] {
  const columns = [live.device, live.dma, live.phys, live.size, live.direction, live.attrs, live.time, live.kind];
  const found: (readonly [unknown, unknown])[] = [
    [[...columns.map((c) => c[m]), live.serial[m]], row(p)],
    [
      [live.reach[m], live.group[m], live.again[m], live.reused[m], live.nextInList[m]],
      [0, -1, 0, 0, -1],
    ],
    [
      [live.entries[m], live.listBytes[m], p.list >= 0 ? live.listCheck[m] : 0],
      p.list >= 0 ? [(p.serial % 7) + 1, p.size, p.serial] : [0, 0, 0],
    ],
  ];
  const there = of.addresses.get(`${p.device} ${p.dma}`)!;
  if (!Number.isNaN(p.dma)) {
    const alike = there.filter(([, o]) => o.kind === p.kind && o.size === p.size && o.direction === p.direction);
    const at = live.at(p.device, p.dma, p.kind, p.size, p.direction, ends);
    found.push([
      [at, live.ambiguous],
      [alike[0]![0], alike.length > 1],
    ]);
    found.push([live.other(m), there.find(([n]) => n !== m)?.[0] ?? -1]);
    // What is not known is like nothing.
    const isSame = (o: Plain) =>
      o.kind === single && o.phys === p.phys && `${row(o).slice(3, 6)}` === `${row(p).slice(3, 6)}`;
    const same = live.same(p.device, p.dma, p.phys, p.size, p.direction, p.attrs);
    found.push([same, there.find(([, o]) => isSame(o))?.[0] ?? -1]);
  }
  for (const f of p.ends) {
    const near: number[] = [];
    for (let node = live.firstNeighbour(f); node !== -1; node = live.nextNeighbour(node)) {
      if (of.all.get(node >> 1)!.ends[node & 1] === f) near.push(node >> 1);
    }
    found.push([near, of.frames.get(f)]);
  }
  if (p.list >= 0) {
    const lists: number[] = [];
    for (let n = live.firstList(p.device, p.list); n !== -1; n = live.nextList(n)) lists.push(n);
    found.push([lists, of.lists.get(`${p.device} ${p.list}`)!.map(([n]) => n)]);
  }
  return found;
}

interface Plainly {
  readonly all: ReadonlyMap<number, Plain>;
  /** The newest first, as in all that follows. */
  readonly addresses: ReadonlyMap<string, readonly [number, Plain][]>;
  readonly frames: ReadonlyMap<number, readonly number[]>;
  readonly lists: ReadonlyMap<string, readonly [number, Plain][]>;
}

function compare(live: LiveMappings, all: ReadonlyMap<number, Plain>): void {
  const plain = [...all.entries()].sort(([, a], [, b]) => b.serial - a.serial);
  const frames = new Map<number, number[]>();
  for (const [m, p] of plain) for (const f of p.ends) frames.set(f, [...(frames.get(f) ?? []), m]);
  const of: Plainly = {
    all,
    addresses: grouped(plain, ([, p]) => `${p.device} ${p.dma}`),
    frames,
    lists: grouped(
      plain.filter(([, p]) => p.list >= 0),
      ([, p]) => `${p.device} ${p.list}`,
    ),
  };
  const both = plain.map(([m, p]) => answers(live, m, p, of));
  const differ = both.flat().filter(([is, must]) => JSON.stringify(is) !== JSON.stringify(must));
  expect(differ).toEqual([]);
  expect([...live]).toEqual([...all.keys()].sort((a, b) => a - b));
  expect(live.count).toBe(all.size);
}

test("all is found as before when there is more room, and nothing that has ended", () => {
  const random = createRandom(7);
  const below = (n: number) => Math.floor(random() * n);
  const live = new LiveMappings();
  const all = new Map<number, Plain>();
  for (let serial = 1; serial <= 2000; serial++) {
    const kind = [single, list, coherent][below(3)]!;
    const phys = kind === coherent || below(9) === 0 ? Number.NaN : below(2 ** 11) * 2048;
    const size = below(5) === 0 ? 9000 : 2048;
    const last = frame(phys + size - 1);
    const p: Plain = {
      serial,
      device: below(3),
      dma: kind === list && below(9) === 0 ? Number.NaN : 2 ** 33 + below(2 ** 11) * 2048,
      phys,
      size,
      direction: below(3),
      attrs: below(2),
      time: serial * 10,
      kind,
      ends: Number.isNaN(phys) ? [] : [frame(phys), ...(last === frame(phys) ? [] : [last])],
      list: kind === list && !Number.isNaN(phys) ? phys : -1,
    };
    const m = live.add(kind, p.device, p.dma, phys, size, p.direction, p.attrs, p.time);
    all.set(m, p);
    if (p.list >= 0) live.nameList(m, (serial % 7) + 1, size, phys, serial);
    if (below(3) === 0) {
      const gone = [...all.keys()][below(Math.min(all.size, 50))]!;
      live.remove(gone);
      all.delete(gone);
    }
    if (serial === 1000 || serial === 2000) compare(live, all);
  }
  for (const m of all.keys()) live.remove(m);
  compare(live, new Map());
});

test("what is noted of a mapping stays when there is more room, and is forgotten with it", () => {
  const live = new LiveMappings();
  const add = (dma: number) => live.add(single, 1, dma, dma, 4096, 2, 0, 5);
  const m = add(0x1000);
  live.reach[m] = Reach.bounced;
  live.group[m] = 12;
  live.again[m] = 3;
  live.reused[m] = 1;
  live.nextInList[m] = 9;
  for (let n = 1; n < 1100; n++) add(0x1000 + n * 4096);
  const noted = () => [live.reach[m], live.group[m], live.again[m], live.reused[m], live.nextInList[m]];
  expect(noted()).toEqual([Reach.bounced, 12, 3, 1, 9]);
  live.remove(m);
  expect(add(0x1000)).toBe(m);
  expect(noted()).toEqual([Reach.unknown, -1, 0, 0, -1]);
});

test("a list goes as a whole", () => {
  const live = new LiveMappings();
  const entries = [1, 2, 3].map((n) => live.add(list, 0, n * 0x10000, n * 0x20000, 4096, 2, 0, 1));
  const apart = live.add(list, 0, 0x90000, 0x20000, 4096, 2, 0, 1);
  live.nextInList[entries[0]!] = entries[1]!;
  live.nextInList[entries[1]!] = entries[2]!;
  live.nameList(entries[0]!, 3, 12288, 0x20000, 5);
  live.removeList(entries[0]!);
  expect([[...live], live.count, live.firstList(0, 0x20000), live.other(apart)]).toEqual([[apart], 1, -1, -1]);
});

test("of several alike an unmap means the newest, or the oldest while an end may still come", () => {
  const live = new LiveMappings();
  const [old, young] = [10, 30].map((time) => live.add(single, 0, 0x1000, 0x5000, 4096, 2, 0, time)) as [
    number,
    number,
  ];
  const of = (settled: number, lostAt: number) => live.among(old, young, { settled, lostAt });
  expect([of(30, 0), of(29, 0), of(29, 10), of(29, 9)]).toEqual([young, old, young, old]);
  expect([live.ambiguous, live.among(old, old, ends), live.ambiguous]).toEqual([true, old, false]);
});

test("the one that agrees best is meant", () => {
  const live = new LiveMappings();
  const add = (kind: MappingKind, size: number, direction: number) =>
    live.add(kind, 0, 0x1000, 0x5000, size, direction, 0, 1);
  const [a, b, c] = [add(single, 512, 1), add(list, 1024, 2), add(coherent, 2048, 3)];
  const at = (kind: MappingKind, size: number, direction: number) => live.at(0, 0x1000, kind, size, direction, ends);
  expect([at(single, 1024, 2), at(list, 512, 1), at(coherent, 512, 1), at(single, 9, 9)]).toEqual([a, b, c, a]);
  live.remove(a);
  expect([at(single, 2048, 2), at(single, 1024, 3), at(single, 9, 3), at(single, 9, 2)]).toEqual([c, b, c, b]);
  expect([live.at(1, 0x1000, list, 1024, 2, ends), live.at(0, 0x1001, list, 1024, 2, ends)]).toEqual([-1, -1]);
});

test("an address is held by what begins up to 4 MiB before it, best by what holds all that is asked for", () => {
  const live = new LiveMappings();
  const MiB = 2 ** 20;
  const add = (dma: number, size: number, direction: number) => live.add(single, 0, dma, dma, size, direction, 0, 1);
  const big = add(16 * MiB, 4 * MiB, 1);
  const small = add(19 * MiB, 4096, 2);
  const held = (address: number, size: number, direction: number) => live.holding(0, address, size, direction);
  expect([held(19 * MiB, 4096, 2), held(19 * MiB, 4097, 2), held(19 * MiB, 4097, 1), held(19 * MiB, 4096, 1)]).toEqual([
    small,
    big,
    big,
    big,
  ]);
  expect([held(20 * MiB - 1, 1, 3), held(20 * MiB, 1, 3), held(16 * MiB, 1, 3), held(16 * MiB - 1, 1, 3)]).toEqual([
    big,
    -1,
    big,
    -1,
  ]);
  expect(held(20 * MiB - 1, 2, 3)).toBe(big);
  const huge = add(64 * MiB, 8 * MiB, 1);
  expect([held(68 * MiB, 1, 1), held(68 * MiB + 4096, 1, 1)]).toEqual([huge, -1]);
  expect([live.holding(1, 16 * MiB, 1, 1), live.holding(-1, 16 * MiB, 1, 1)]).toEqual([-1, -1]);
});

test("chains tell by all bits of a frame and by the device; more room keeps the order of their nodes", () => {
  const keys = [mixed(0, 1), mixed(1, 1), mixed(0, 2), mixed(0, 1 + 2 ** 32), mixed(0, 1 + 2 ** 40), mixed(1, 2)];
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.every((k) => Number.isInteger(k) && k >= 0)).toBe(true);
  const chains = new Chains(8);
  for (const [node, hash] of [3, 11, 3, 16 + 3, 5].entries()) chains.insert(node, hash);
  const walk = (hash: number) => {
    const nodes = [];
    for (let n = chains.first(hash); n !== -1; n = chains.next(n)) nodes.push(n);
    return nodes;
  };
  expect([walk(3), walk(5), walk(0)]).toEqual([[3, 2, 1, 0], [4], []]);
  chains.remove(2);
  chains.remove(3);
  expect(walk(3)).toEqual([1, 0]);
  chains.insert(2, 3);
  chains.insert(3, 3);
  chains.remove(1);
  chains.insert(1, 11);
  expect(walk(3)).toEqual([1, 3, 2, 0]);
  chains.grow(16);
  expect([walk(3), walk(11), walk(5)]).toEqual([[3, 2, 0], [1], [4]]);
  chains.remove(2);
  chains.insert(15, 3);
  expect(walk(3)).toEqual([15, 3, 0]);
});
