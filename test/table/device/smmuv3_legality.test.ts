/** SMMUv3: every combination of the settings that a unit refuses together, against the sentences of the document. */
import { expect, test } from "vitest";
import type { Abilities } from "../../../src/table/device/index.js";
import { deviceTables, type Smmuv3Abilities } from "../../../src/table/device/index.js";
import { type Built, outcome, unit } from "./built.js";
import { cd, cdGood, device, ste, steFirst, steSecond, type Values } from "./entries.js";

type Settings = Readonly<Record<string, number | boolean | undefined>>;

/** Every choice of one value for each name. */
function* choices(from: Readonly<Record<string, readonly (number | boolean | undefined)[]>>): Generator<Settings> {
  const names = Object.keys(from);
  const sizes = names.map((n) => from[n]!.length);
  const count = sizes.reduce((a, b) => a * b, 1);
  for (let n = 0; n < count; n++) {
    let rest = n;
    const one: Record<string, number | boolean | undefined> = {};
    for (const [i, name] of names.entries()) {
      one[name] = from[name]![rest % sizes[i]!];
      rest = Math.floor(rest / sizes[i]!);
    }
    yield one;
  }
}

/** Settings that are not undefined. */
const known = (o: Settings) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));

function check(
  from: Parameters<typeof choices>[0],
  build: (s: Settings) => Built,
  abilities: (s: Settings) => Abilities,
  refused: (s: Settings) => boolean,
  code: string,
): void {
  let [bad, good] = [0, 0];
  for (const settings of choices(from)) {
    const u = unit("smmuv3", "linear", { size: 6, abilities: abilities(settings) });
    const got = outcome(deviceTables.smmuv3.lookup(build(settings).memory, u, device, null));
    const wanted = refused(settings);
    if ((got === code) !== wanted) expect.fail(`${JSON.stringify(settings)}: ${got}`);
    if (wanted) bad++;
    else good++;
  }
  expect(Math.min(bad, good)).toBeGreaterThan(0);
}

const number = (v: number | boolean | undefined) => Number(v ?? 0);
const smmu = (s: Settings): Abilities => ({ smmu: known(s) as Smmuv3Abilities });
const config = [5, 6, 7];
/** A descriptor that a second stage maps at its own place stands in the first gigabyte. */
const stream = (values: Values) => cd({}, { ...steSecond, ...steFirst, ...values });

test("EATS: 2 needs both stages and a unit that has split ATS; 1 and 2 do not go with stalls of the second stage", () => {
  check(
    { config, eats: [0, 1, 2, 3], s2S: [0, 1], ats: [undefined, true, false], noSplitAts: [undefined, false, true] },
    (s) => stream({ config: number(s["config"]), eats: number(s["eats"]), s2S: number(s["s2S"]) }),
    (s) => ({ ...known({ ats: s["ats"] }), ...smmu({ noSplitAts: s["noSplitAts"] }) }),
    ({ config, eats, s2S, ats, noSplitAts }) => {
      if (ats === false) return false;
      const stalls = config !== 5 && s2S === 1;
      if (eats === 1) return stalls;
      return eats === 2 && (stalls || config !== 7 || noSplitAts === true);
    },
    "0x4",
  );
});

test("the first stage: odd worlds, stalls forbidden where there is no choice, two levels that the unit lacks", () => {
  check(
    {
      ...{ config: [5, 7], strw: [0, 1, 2, 3], s1StallD: [0, 1], stallModel: [undefined, 0], s1Fmt: [0, 1, 2] },
      ...{ s1CdMax: [0, 3], pasidBits: [undefined, 0, 8], twoLevelContexts: [undefined, true, false] },
    },
    ({ config, strw, s1StallD, s1Fmt, s1CdMax }) => stream(known({ config, strw, s1StallD, s1Fmt, s1CdMax }) as Values),
    ({ pasidBits, stallModel, twoLevelContexts }) => ({
      ...known({ pasidBits }),
      ...smmu({ stallModel, twoLevelContexts }),
    }),
    ({ config, strw, s1Fmt, s1CdMax, pasidBits, twoLevelContexts }) =>
      (config === 5 && number(strw) % 2 === 1) ||
      (pasidBits !== 0 && s1CdMax !== 0 && s1Fmt !== 0 && twoLevelContexts === false),
    "0x4",
  );
});

test.each([
  ["the first stage", 5, "0xa"],
  ["the second stage", 6, "0x4"],
] as const)("stalls of %s, as the unit's model has them", (_, config, code) => {
  check(
    { stalls: [0, 1], s1StallD: [0, 1], stallModel: [undefined, 0, 1, 2] },
    ({ stalls, s1StallD }) =>
      config === 5
        ? cd({ s: number(stalls) }, { s1StallD: number(s1StallD) })
        : ste({ ...steSecond, s2S: number(stalls), s1StallD: number(s1StallD) }),
    ({ stallModel }) => smmu({ stallModel }),
    ({ stalls, s1StallD, stallModel }) => {
      const wrong = (stallModel === 1 && stalls === 1) || (stallModel === 2 && stalls === 0);
      if (config === 6) return wrong;
      // Of a unit that leaves no choice the entry is refused for S1STALLD itself, before its descriptor is read.
      if (s1StallD === 1) return stalls === 1 && !(stallModel === 1 || stallModel === 2);
      return wrong;
    },
    code,
  );
});

test.each([
  ["a context descriptor", "0xa"],
  ["the second stage", "0x4"],
] as const)("access flags, dirty state and flags of tables in %s", (_, code) => {
  const second = code === "0x4";
  check(
    {
      ha: [0, 1],
      hd: [0, 1],
      haft: [0, 1],
      aa64: [0, 1],
      hardwareUpdates: [undefined, 0, 1, 2, 3],
      wide: [undefined, true],
    },
    ({ ha, hd, haft, aa64 }) =>
      second
        ? ste({ ...steSecond, s2Ha: number(ha), s2Hd: number(hd), s2Haft: number(haft), s2Aa64: number(aa64) })
        : cd(known({ ha, hd, haft, aa64 }) as Values),
    ({ hardwareUpdates, wide }) => smmu({ hardwareUpdates, wideDescriptors: wide }),
    ({ ha, hd, haft, aa64, hardwareUpdates: able, wide }) => {
      // Of 32-bit tables a context descriptor's bits are ignored.
      if (!second && aa64 === 0 && wide !== true) return false;
      if (able === 0) return ha === 1 || hd === 1;
      if (able === 1) return hd === 1;
      return (able === undefined || able === 3) && haft === 1 && ha === 0;
    },
    code,
  );
});

test.each([
  ["a context descriptor", "0xa"],
  ["the second stage", "0x4"],
] as const)("endianness and form of tables in %s", (_, code) => {
  const second = code === "0x4";
  check(
    {
      ...{ endi: [0, 1], endianness: [undefined, 0, 2, 3], aa64: [0, 1], tableFormats: [undefined, 1, 2, 3] },
      ...{ wideDescriptors: [undefined, true, false], off: [0, 1, 2, 3] },
    },
    ({ endi, aa64, off }) =>
      second
        ? ste({ ...steSecond, s2Endi: number(endi), s2Aa64: number(aa64) })
        : cd({
            endi: number(endi),
            aa64: number(aa64),
            epd0: number(off) & 1,
            epd1: number(off) >> 1,
            tg1: 2,
            t1sz: 16,
          }),
    ({ endianness, tableFormats, wideDescriptors }) => smmu({ endianness, tableFormats, wideDescriptors }),
    ({ endi, endianness, aa64, tableFormats, wideDescriptors, off }) => {
      // Tables that are not walked at all have no endianness.
      const walked = second || off !== 3;
      if (walked && ((endianness === 2 && endi === 1) || (endianness === 3 && endi === 0))) return true;
      if (tableFormats === undefined) return false;
      return aa64 === 1 ? tableFormats === 1 : wideDescriptors === false && tableFormats === 2;
    },
    code,
  );
});

test("A and the width of ASIDs, which EL2 does not have", () => {
  check(
    {
      a: [0, 1],
      asid: [255, 256],
      strw: [0, 2],
      config: [5],
      alwaysAborts: [undefined, true, false],
      wideAsids: [undefined, true, false],
    },
    ({ a, asid, strw }) => cd({ ...cdGood, a: number(a), asid: number(asid) }, { strw: number(strw) }),
    ({ alwaysAborts, wideAsids }) => smmu({ alwaysAborts, wideAsids }),
    ({ a, asid, strw, alwaysAborts, wideAsids }) =>
      (alwaysAborts === true && a === 0) || (wideAsids === false && asid === 256 && strw !== 2),
    "0xa",
  );
});

test("stages that the unit lacks", () => {
  check(
    { config: [4, 5, 6, 7], first: [undefined, true, false], second: [undefined, true, false] },
    ({ config }) => stream({ config: number(config) }),
    ({ first, second }) => known({ first, second }),
    ({ config, first, second }) =>
      (first === false && (config === 5 || config === 7)) || (second === false && (config === 6 || config === 7)),
    "0x4",
  );
});

test("a pointer to descriptors is physical without a second stage, and its input with one", () => {
  check(
    { config: [5, 7], s1Context: [0x4000 / 64, 2 ** 42] },
    (s) => stream(known(s) as Values),
    () => ({}),
    ({ config, s1Context }) => config === 5 && s1Context === 2 ** 42,
    "0x4",
  );
});

test("granules that the unit lacks", () => {
  check(
    {
      tg: [0, 1, 2],
      granules: [undefined, ...[1, 2, 4, 6].map((n) => [0, 0x1000, 0x4000, 0, 0x10000, 0, 0x14000][n]!)],
    },
    ({ tg }) => cd({ tg0: number(tg), ttb0: 0 }),
    ({ granules }) => smmu({ granules }),
    ({ tg, granules }) => granules !== undefined && (number(granules) & [0x1000, 0x10000, 0x4000][number(tg)]!) === 0,
    "0xa",
  );
});

test.each([
  ["a context descriptor", (ds: number, tg: number) => cd({ ds, tg0: tg, ttb0: 0 })],
  ["the second stage", (s2Ds: number, tg: number) => ste({ ...steSecond, s2Ds, s2Tg: tg, s2Sl0: 1, s2T0sz: 24 })],
])("52-bit addresses with small granules in %s are not read, and said to be so", (_, build) => {
  const found = [0, 1].flatMap((ds) =>
    [0, 1, 2].map((tg) =>
      outcome(deviceTables.smmuv3.lookup(build(ds, tg).memory, unit("smmuv3", "linear", { size: 6 }), device, null)),
    ),
  );
  expect(found).toEqual(["translated", "translated", "translated", "unknown", "translated", "unknown"]);
});

test("S2SL0: where a table of 40 bits begins, by granule; one value of two granules is reserved", () => {
  const unfit = (s2Sl0: number) => `S2SL0 ${s2Sl0} does not fit S2T0SZ 24`;
  const reserved = "S2SL0 is 3, which is reserved for this granule";
  const begins = (s2Tg: number) =>
    [0, 1, 2, 3].map((s2Sl0) => {
      const of = ste({ ...steSecond, s2Tg, s2Sl0, s2T0sz: 24 });
      const found = deviceTables.smmuv3.lookup(of.memory, unit("smmuv3", "linear", { size: 6 }), device, null);
      return "code" in found ? found.why.slice(found.why.indexOf("S2SL0")) : found.second!.level;
    });
  // Granules of 4, 64 and 16 KiB.
  expect(begins(0)).toEqual([unfit(0), 2, 3, unfit(3)]);
  expect(begins(1)).toEqual([unfit(0), 1, unfit(2), reserved]);
  expect(begins(2)).toEqual([unfit(0), 1, 2, reserved]);
});
