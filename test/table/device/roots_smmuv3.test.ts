/** SMMUv3: what the fields of a stream's entry and of a context descriptor come to as tables, field by field. */
import { describe } from "vitest";
import type { TableRoot } from "../../../src/table/root.js";
import { check, first, second } from "./attached.js";
import { unit } from "./built.js";
import { cd, ste, steSecond, type Values } from "./entries.js";

describe("SMMUv3", () => {
  const s1 = {
    format: "smmu-s1-4k",
    address: 0x9000,
    level: 3,
    inputBits: 48,
    upper: "zero",
    outputBits: 46,
    allow: 3,
  } as const;
  const s2 = {
    format: "smmu-s2-4k",
    address: 0x8000,
    level: 2,
    inputBits: 40,
    upper: "zero",
    outputBits: 46,
    allow: 3,
  } as const;
  const stage1 = (more: Partial<TableRoot> = {}) => ({
    pasid: 0,
    domain: 3,
    stage: "first" as const,
    ...first(s1, more),
  });
  const stage2 = (more: Partial<TableRoot> = {}) => ({ domain: 4, stage: "second" as const, ...second(s2, more) });
  /** A context descriptor of TTB1 alone. */
  const upper = (values: Values) => cd({ epd0: 1, epd1: 0, t1sz: 16, tg1: 2, ttb1: 0x7000 / 16, ...values });
  const high = (more: Partial<TableRoot> = {}) => stage1({ address: 0x7000, upper: "ones", ...more });
  check(unit("smmuv3", "linear", { outputBits: 46, size: 6 }), [
    ["48 bits", cd({}), stage1()],
    ["47 bits of output at most", cd({ ips: 7 }), stage1({ outputBits: 48 }), { outputBits: 52 }],
    [
      "52 bits of output with the largest granule",
      cd({ ips: 7, tg0: 1, ttb0: 0 }),
      stage1({ format: "smmu-s1-64k", address: 0, level: 2, outputBits: 52 }),
      { outputBits: 52 },
    ],
    ["36 bits of output", cd({ ips: 1 }), stage1({ outputBits: 36 })],
    ["the top byte ignored", cd({ tbi0: 1 }), stage1({ topByteIgnored: true })],
    ["the top byte of the other half ignored", cd({ tbi1: 1 }), stage1()],
    ["access flags set by the unit", cd({ ha: 1 }), stage1({ accessFlag: "ignore" })],
    ["access flags that do not count", cd({ affd: 1 }), stage1({ accessFlag: "ignore" })],
    ["rights of tables ignored", cd({ had0: 1 }), stage1({ tablePermissions: "ignore" })],
    ["rights of the other half's tables ignored", cd({ had1: 1 }), stage1()],
    ["privileged by override", cd({}, { privCfg: 3 }), stage1({ privileged: true })],
    ["unprivileged by override", cd({}, { privCfg: 2 }), stage1()],
    ["privileged by world", cd({}, { strw: 2 }), stage1({ privileged: true })],
    ["its own TLB", cd({}, { eats: 1 }), { ...stage1(), ats: true }],
    ["39 bits: three levels", cd({ t0sz: 25 }), stage1({ inputBits: 39, level: 2 })],
    ["40 bits: four levels, of which the top one has two entries", cd({ t0sz: 24 }), stage1({ inputBits: 40 })],
    [
      "36 bits of 16 KiB",
      cd({ t0sz: 28, tg0: 2 }),
      stage1({ format: "smmu-s1-16k", inputBits: 36, level: 1, address: 0x8000 }),
    ],
    [
      "37 bits of 16 KiB",
      cd({ t0sz: 27, tg0: 2 }),
      stage1({ format: "smmu-s1-16k", inputBits: 37, level: 2, address: 0x9000 }),
    ],
    [
      "42 bits of 64 KiB",
      cd({ t0sz: 22, tg0: 1, ttb0: 0x12345678 }),
      stage1({ format: "smmu-s1-64k", inputBits: 42, level: 1, address: 0x1_2345_0000 }),
    ],
    [
      "a small table may stand inside a page",
      cd({ t0sz: 32, ttb0: 0x9fe1 }),
      stage1({ inputBits: 32, level: 2, address: 0x9fe00 }),
    ],
    ["TTB1 alone", upper({}), high()],
    [
      "TTB1 of 16 KiB",
      upper({ tg1: 1, t1sz: 17 }),
      high({ format: "smmu-s1-16k", inputBits: 47, level: 2, address: 0x4000 }),
    ],
    ["TTB1 of 64 KiB", upper({ tg1: 3 }), high({ format: "smmu-s1-64k", inputBits: 48, level: 2, address: 0x7000 })],
    ["the top byte of TTB1 ignored", upper({ tbi1: 1, tbi0: 0, had0: 1 }), high({ topByteIgnored: true })],
    ["rights of TTB1's tables ignored", upper({ had1: 1, tbi0: 1 }), high({ tablePermissions: "ignore" })],
    [
      "both halves",
      cd({ epd1: 0, t1sz: 20, tg1: 2, ttb1: 0x7000 / 16 }),
      { ...stage1(), first: [s1, { ...s1, address: 0x7000, upper: "ones", inputBits: 44 }] },
    ],
    ["second stage", ste(steSecond), stage2()],
    ["second stage, and its own TLB", ste({ ...steSecond, eats: 1 }), { ...stage2(), ats: true }],
    ["second stage, access flags set by the unit", ste({ ...steSecond, s2Ha: 1 }), stage2({ accessFlag: "ignore" })],
    [
      "second stage, access flags that do not count",
      ste({ ...steSecond, s2Affd: 1 }),
      stage2({ accessFlag: "ignore" }),
    ],
    [
      "second stage from its highest level",
      ste({ ...steSecond, s2T0sz: 16, s2Sl0: 2 }),
      stage2({ address: 0x9000, level: 3, inputBits: 48 }),
    ],
    [
      "second stage from its lowest level",
      ste({ ...steSecond, s2T0sz: 39, s2Sl0: 3 }),
      stage2({ level: 0, inputBits: 25, address: 0 }),
    ],
    [
      "second stage of 16 KiB",
      ste({ ...steSecond, s2Tg: 2, s2Sl0: 2 }),
      stage2({ format: "smmu-s2-16k", level: 2, inputBits: 40, address: 0x9000 }),
    ],
    [
      "second stage of 64 KiB",
      ste({ ...steSecond, s2Tg: 1, s2Sl0: 1, s2Ttb: 0x12345678 }),
      stage2({ format: "smmu-s2-64k", level: 1, inputBits: 40, address: 0x1_2345_4000 }),
    ],
    ["second stage of 36 bits of output", ste({ ...steSecond, s2Ps: 1 }), stage2({ outputBits: 36 })],
    [
      "first stage bypassed without substream",
      cd({}, { s1CdMax: 4, s1Dss: 1, eats: 1 }),
      { state: "bypass", domain: null, ats: true },
    ],
    [
      "first stage bypassed without substream, before a second",
      cd({}, { ...steSecond, config: 7, s1CdMax: 4, s1Dss: 1 }),
      stage2(),
    ],
  ]);
});
