/**
 * Random tables of any format that share parts, point back above themselves and skip levels.
 *
 * Every table of one tangle has its entries at the same few places, so that an address made of such indexes leads
 * somewhere as a rule.
 */
import type { Rng } from "../../src/base/index.js";
import { EntryComposer } from "../../src/table/compose.js";
import type { EntryShape } from "../../src/table/format.js";
import { type Allow, formats, Mapper, type NestedRoots, planOf, type TableRoot } from "../../src/table/index.js";
import { Row, rowLength } from "../../src/table/plan.js";
import { Arena, rootOf, topFrames, upperBase, type Width } from "./machines.js";

/** Stores an entry at a byte address as the tables name it. */
type Put = (at: number, low: number, high: number) => void;

export interface Tangle {
  /** An input frame whose indexes are those of entries, at most levels. */
  dfn(rng: Rng): number;
}

/** Fill the top table and others with entries. @param target a byte address that a leaf shall lead to */
function fill(rng: Rng, root: TableRoot, tables: readonly number[], put: Put, target: () => number): Tangle {
  const { granuleLg2, levels, nextLevel } = formats[root.format];
  const plan = planOf(root);
  const composer = new EntryComposer(plan);
  const full = 2 ** (granuleLg2 - 3);
  const topCount = plan.rows[root.level * rowLength + Row.indexMask]! + 1;
  const at = 1 + rng.below(full - 8);
  const places = [0, 1, at, at + 1, at + 2, full - 1].slice(0, 2 + rng.below(5));
  const leafLevels = levels.flatMap((l, own) => (l.leaf !== null && composer.leafKind(own) >= 0 ? [own] : []));
  const shape = levels[0]!.leaf!;
  const rights: readonly Allow[] = shape.grants.read === true ? [1, 3, 3] : [1, 2, 3, 3];
  const pointerWeight = 3 + rng.below(5);

  const compose = () => {
    const what = rng.below(10);
    if (what < pointerWeight && levels.length > 1) {
      const level = 1 + rng.below(levels.length - 1);
      const next = nextLevel ? rng.below(level) : level - 1;
      const gone = rng.below(40) === 0;
      composer.table(level, next, gone ? 2 ** 31 : tables[rng.below(tables.length)]! * 4096);
      return flipped(rng, levels[level]!.table!, composer);
    }
    const level = rng.below(3) === 0 ? leafLevels[rng.below(leafLevels.length)]! : 0;
    const span = 2 ** plan.rows[level * rowLength]!;
    const place = target();
    composer.leaf(level, place - (place % span), rights[rng.below(rights.length)]!);
    if (nextLevel && rng.below(4) === 0) composer.encodeSize(plan.rows[level * rowLength]! + 1 + rng.below(8));
    return flipped(rng, levels[level]!.leaf!, composer);
  };
  for (const [t, frame] of [root.address / 4096, ...tables].entries()) {
    for (const index of places) {
      if (rng.below(6) === 0 || (t === 0 && index >= topCount)) continue;
      const [low, high] = compose();
      put(frame * 4096 + index * 8, low, high);
    }
  }
  return { dfn: (r) => pick(r, root, places) };
}

/** The composed entry, now and then with a right or any other bit the other way round. */
function flipped(rng: Rng, shape: EntryShape, { low, high }: EntryComposer): readonly [number, number] {
  const { read, write, user } = shape.grants;
  const fields = [read, write, user].flatMap((g) => (g === true ? [] : ["not" in g ? g.not : g]));
  let bit = -1;
  if (rng.below(6) === 0 && fields.length > 0) bit = fields[rng.below(fields.length)]!.lsb;
  else if (rng.below(12) === 0) bit = rng.below(64);
  if (bit < 0) return [low, high];
  return bit < 32 ? [(low ^ (1 << bit)) >>> 0, high] : [low, (high ^ (1 << (bit - 32))) >>> 0];
}

function pick(rng: Rng, root: TableRoot, places: readonly number[]): number {
  const { rows } = planOf(root);
  let within = 0;
  for (let level = root.level; level >= 0; level--) {
    const count = rows[level * rowLength + Row.indexMask]! + 1;
    const stray = rng.below(24) === 0;
    const index = stray ? rng.below(count) : places[rng.below(places.length)]! % count;
    within += index * 2 ** rows[level * rowLength]!;
  }
  within += rng.below(2 ** (formats[root.format].granuleLg2 - 12)) * 4096;
  const high = root.upper === "ones" || (root.upper === "sign" && within >= 2 ** (root.inputBits - 1));
  return ((high ? upperBase(root) : 0) + within) / 4096;
}

/** Where leaves lead: few places, so that neighbours merge; sometimes about the interrupt messages. */
function place(rng: Rng, root: TableRoot): number {
  const granule = 2 ** formats[root.format].granuleLg2;
  const high = 2 ** (root.outputBits - 1);
  const base = [2 ** 21, 0xfee0_0000 - granule, 0xfef0_0000 - granule, high][rng.below(4)]!;
  return base - (base % granule) + rng.below(3) * granule;
}

/** One table of a width, in an arena of its own. */
export function tangled(rng: Rng, [format, level, inputBits, more]: Width): Tangle & { arena: Arena; root: TableRoot } {
  const frames = 2 ** (formats[format].granuleLg2 - 12);
  const count = 1 + rng.below(6);
  const arena = new Arena(2 * topFrames(format, level, inputBits) + (count + 2) * frames + 16);
  const root = rootOf(arena, format, level, inputBits, more);
  const tables = Array.from({ length: count }, () => arena.allocate(frames));
  // The top table may be pointed to as well, where it is no smaller than a table.
  if (topFrames(format, level, inputBits) >= frames && (root.address / 4096) % frames === 0)
    tables.push(root.address / 4096);
  const tangle = fill(
    rng,
    root,
    tables,
    (at, low, high) => arena.put(at, low, high),
    () => place(rng, root),
  );
  return { ...tangle, arena, root };
}

export type NestedWidths = readonly [first: Width, second: Width];

/** Frames of the guest that its tables stand in, mapped by the second stage at its addresses from 0 on. */
const guestFrames = 64;

/** Two tangled stages: the tables of the first stand in frames that the second maps, here and there not. */
export function tangledNested(
  rng: Rng,
  [firstWidth, secondWidth]: NestedWidths,
): Tangle & { arena: Arena; roots: NestedRoots } {
  const [format, level, inputBits, more] = secondWidth;
  const frames = 2 ** (formats[format].granuleLg2 - 12);
  const count = 1 + rng.below(5);
  const host = 512;
  const arena = new Arena(host + 2 * guestFrames);
  const second = rootOf(arena, format, level, inputBits, more);
  const tables = Array.from({ length: count }, () => arena.allocate(frames));
  tables.push(second.address / 4096);
  const own = fill(
    rng,
    second,
    tables,
    (at, low, high) => arena.put(at, low, high),
    () => (rng.below(3) === 0 ? (host + rng.below(guestFrames)) * 4096 : place(rng, second)),
  );
  // Index 0 of every level is the guest's memory; what the tangle put there makes room.
  arena.put(second.address, 0, 0);
  const mapper = new Mapper(arena.tables, second, arena.allocate, { superpages: false });
  mapper.map(0, host * 4096, guestFrames * 4096, 3);
  const first: TableRoot = {
    ...{ format: firstWidth[0], level: firstWidth[1], inputBits: firstWidth[2], address: 16 * 4096 },
    ...{ upper: "zero", outputBits: 48, allow: 3 as Allow, ...firstWidth[3] },
  };
  const step = 2 ** (formats[first.format].granuleLg2 - 12);
  const inner = [16, 32, 48].filter((f) => f % step === 0);
  const guestTables = step < 16 ? [...inner, 16 + step, 32 + step] : inner;
  const tangle = fill(
    rng,
    first,
    guestTables,
    (at, low, high) => arena.put(host * 4096 + at, low, high),
    () => (rng.below(2) === 0 ? own.dfn(rng) % 2 ** 36 : rng.below(guestFrames + 8)) * 4096,
  );
  return { ...tangle, arena, roots: { first, second } };
}
