/** Pools that are not tried because they are surely large enough: their answers are those of a pool that was. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { DeviceMasks } from "../../../src/lab/replay/machine/masks.js";
import { AmplePool, surelySearched } from "../../../src/lab/replay/other_pools/ample_pool.js";
import { RequestBatch, ResolvedRequests } from "../../../src/lab/replay/other_pools/request_batch.js";
import type { Setting, WhatIf } from "../../../src/lab/replay/other_pools/setting.js";
import { WhatIfPools } from "../../../src/lab/replay/other_pools/what_if.js";
import { Pool, type Profile, profiles } from "../../../src/sw/swiotlb/index.js";
import { boundaries, minMasks } from "../../sw/swiotlb/same_answers.js";
import { amount } from "../../tier.js";
import { made } from "./made.js";

const base = 0x7000_0800;

interface Ask {
  readonly id: number;
  readonly device: number;
  readonly cpu: number;
  readonly orig: number;
  /** 0: what was asked for under this number ends. */
  readonly size: number;
}

interface Devices {
  readonly minAlign: readonly number[];
  readonly boundary: readonly number[];
}

const alignmentsOf = ({ minAlign, boundary }: Devices) => ({
  minAlignMask: (d: number) => minAlign[d]!,
  allocAlignMask: () => 0,
  boundarySlots: (d: number) => boundary[d]!,
});

function answers(asks: readonly Ask[], settings: readonly Setting[], profile: Profile, devices: Devices): WhatIf[] {
  const maps = new Mappings();
  const m = made(maps, { forced: true });
  const alignments = alignmentsOf(devices);
  const pools = new WhatIfPools({ maps, settings, base, profile, alignments, masks: new DeviceMasks() });
  for (const { id, device, cpu, orig, size } of asks) {
    if (size === 0) pools.end(id, 0, device);
    else {
      maps.device[m] = device;
      maps.cpu[m] = cpu;
      maps.orig[m] = orig;
      maps.size[m] = size;
      pools.begin(m, id);
    }
  }
  return pools.finish();
}

function tried(asks: readonly Ask[], s: Setting, profile: Profile, { minAlign, boundary }: Devices): WhatIf {
  const pool = new Pool({ start: base, slots: s.slots, areas: s.areas, profile });
  const offsets = new Map<number, number>();
  let [bounced, failed] = [0, 0];
  for (const { id, device: d, cpu, orig, size } of asks) {
    if (size === 0) {
      const at = offsets.get(id);
      if (at !== undefined) pool.unmap(at, minAlign[d]!);
      offsets.delete(id);
      continue;
    }
    const at = pool.map(cpu, Math.floor(orig / 2 ** 32), orig | 0, size, minAlign[d]!, 0, boundary[d]!);
    if (at >= 0) offsets.set(id, at);
    if (at >= 0) bounced++;
    else failed++;
  }
  return { ...s, bounced, failed, hiwater: pool.hiwater };
}

/** Requests of which about `alive` live at once, fewer at first: pools are enough for some time. */
function asked(rng: Rng, o: { count: number; alive: number; sizes: readonly number[]; devices: number }): Ask[] {
  const asks: Ask[] = [];
  const living: Ask[] = [];
  const free: number[] = [];
  for (let i = 0; i < o.count; i++) {
    const wanted = (o.alive * (i + 1)) / o.count;
    if (living.length > 0 && rng.below(2 * o.alive) < living.length + o.alive - wanted) {
      const [gone] = living.splice(rng.below(living.length), 1);
      asks.push({ ...gone!, size: 0 });
      free.push(gone!.id);
    } else {
      const aligned = rng.below(3) > 0 ? 4096 : 1;
      const orig =
        rng.below(20) === 0 ? 0 : Math.floor(rng.below(2 ** 31) / aligned) * aligned + 2 ** 31 * rng.below(6);
      const size = 1 + rng.below(o.sizes[rng.below(o.sizes.length)]!);
      const id = free.pop() ?? living.length;
      const ask = { id, device: rng.below(o.devices), cpu: rng.below(4), orig, size };
      living.push(ask);
      asks.push(ask);
    }
  }
  return asks;
}

const settingsOf = (sets: readonly number[]): Setting[] =>
  sets.flatMap((n) => [1, 2, 4].filter((a) => a <= n).map((areas) => ({ slots: n * 128, areas, forced: true })));

describe.each(profiles)("kernel $kernels", (profile) => {
  test("what is counted and what is tried answer alike", () => {
    for (let seed = 0; seed < amount(3, 600); seed++) {
      const rng = new Rng(seed);
      const pick = <T>(from: readonly T[]): T => from[rng.below(from.length)]!;
      const devices = {
        minAlign: Array.from({ length: 3 }, () => pick(minMasks)),
        boundary: Array.from({ length: 3 }, () => (rng.below(3) === 0 ? pick(boundaries) : 0)),
      };
      const sizes = pick([[4096], [65536, 2048], [262144], [262144, 512, 512, 512], [4096, 300_000]]);
      const asks = asked(rng, { count: 600, alive: 1 + rng.below(20), sizes, devices: 3 });
      const settings = settingsOf([1, 3, 4, 6, 9, 14, 22, 40]);
      for (const [i, found] of answers(asks, settings, profile, devices).entries()) {
        expect(found, `seed ${seed}`).toEqual(tried(asks, settings[i]!, profile, devices));
      }
    }
  });
});

test("a pool that is tried after many batches starts with the first request", () => {
  const devices = { minAlign: [0xfff], boundary: [2 ** 21] };
  const asks = asked(new Rng(1), { count: 20_000, alive: 120, sizes: [65536], devices: 1 });
  const settings = settingsOf([48, 64, 96]);
  for (const [i, found] of answers(asks, settings, profiles[0]!, devices).entries()) {
    expect(found).toEqual(tried(asks, settings[i]!, profiles[0]!, devices));
  }
});

describe("how many slot sets are enough", () => {
  const needed = (rows: readonly [size: number, minAlign: number][], boundary = 0) => {
    const devices = { minAlign: rows.map(([, mask]) => mask), boundary: rows.map(() => boundary) };
    const rules = profiles[0]!.rules;
    const ample = new AmplePool({ forced: true, rules, base: 0x7000_0000, slotsMax: 2 ** 20 });
    const resolved = new ResolvedRequests(rules, alignmentsOf(devices));
    const batch = new RequestBatch();
    const maps = new Mappings();
    for (const [i, [size]] of rows.entries()) {
      batch.begin(i, maps, made(maps, { device: i, orig: 0x1000, size, forced: true }), Number.MAX_VALUE);
    }
    resolved.resolve(batch);
    ample.run(batch, resolved);
    return ample.needed;
  };

  test("none for the first, one for each that lives where an empty set has one place", () => {
    expect(needed([[4096, 0]])).toBe(0);
    expect(needed([...Array.from({ length: 9 }, (): [number, number] => [512, 0]), [262144, 0]])).toBe(9);
  });

  test("fewer where it has many", () => {
    const small: [number, number][] = Array.from({ length: 41 }, () => [4096, 0]);
    expect(needed(small)).toBeCloseTo((40 * 2 + 40 * 3) / 128);
  });

  test("it is not known where places are not at equal distances or a segment ends in many sets", () => {
    expect(needed([[4096, 0]], 32)).toBe(Number.POSITIVE_INFINITY);
    expect(needed([[4096, 0x7_ffff]])).toBe(Number.POSITIVE_INFINITY);
  });

  test("two sets of each area are left out, and one of the pool", () => {
    expect(surelySearched({ slots: 128 * 16, areas: 1, forced: true })).toBe(13);
    expect(surelySearched({ slots: 128 * 16, areas: 4, forced: true })).toBe(7);
    expect(surelySearched({ slots: 128 * 15, areas: 4, forced: true })).toBe(-1);
  });
});
