/** Every rule: a driver that keeps it breaks nothing at all, one that breaks it is named. */
import { describe, expect, test } from "vitest";
import { rules as recordingRules } from "../../../src/audit/recording/rules.js";
import { attrMmio, Direction } from "../../../src/spec/dma/direction.js";
import { type DmaRuleName, dmaRules } from "../../../src/sw/dma/index.js";
import { bench } from "../engine/bench.js";
import { at, deviceWrites, forced, kind, map, type Row, rows, size, write } from "./rule_rows.js";

const { toDevice, fromDevice, bidirectional } = Direction;

for (const [rule, row] of Object.entries(rows) as [DmaRuleName, Row][]) {
  describe(rule, () => {
    test(`broken: ${dmaRules[rule].text}`, () => {
      const b = bench(row.on ?? kind("direct"));
      row.wrong(b);
      expect(b.checker.count(rule)).toBeGreaterThan(0);
      expect(b.checker.violations.find((v) => v.rule === rule)!.detail).toContain(dmaRules[rule].text);
    });
    test("kept", () => {
      const b = bench(row.on ?? kind("direct"));
      row.right(b);
      expect(b.checker.violations).toEqual([]);
      expect(b.checker.count()).toBe(0);
    });
  });
}

test("a rule that a recording shows, too, has the same name and words", () => {
  // What drivers cannot break is no rule of the DMA API: the kernel itself flushes too late.
  const ofTheKernel = ["reuse-before-flush", "domain-change-order", "domain-number-again"];
  const ofDrivers = Object.fromEntries(Object.entries(recordingRules).filter(([name]) => !ofTheKernel.includes(name)));
  expect(Object.keys(ofDrivers)).toHaveLength(Object.keys(recordingRules).length - ofTheKernel.length);
  for (const [name, { says }] of Object.entries(ofDrivers)) expect(dmaRules[name as DmaRuleName]?.text).toBe(says);
});

test("each of the 24 checks of the kernel's debugging is a rule here", () => {
  const checks = new Set(Object.values(dmaRules).map((r) => r.kernel));
  expect([...checks].sort((a, b) => a - b)).toEqual([...Array(25).keys()]);
});

test("a mapping that was mapped twice ends once for each, whichever comes first", () => {
  const b = bench(kind("direct"));
  const [one, two] = [map(b, toDevice), map(b, toDevice, at, 512)];
  expect(two.bus).toBe(one.bus);
  b.api.unmap(one.bus, 512, toDevice);
  b.api.unmap(one.bus, size, toDevice);
  expect(b.checker.violations).toEqual([]);
});

test("of several mappings at one address that fit equally badly none is chosen", () => {
  const b = bench(kind("direct"));
  for (const bytes of [512, 1024]) map(b, toDevice, at, bytes);
  b.api.unmap(at, 100, toDevice);
  expect(b.checker.totals).toEqual([{ rule: "unmap-unknown", count: 1 }]);
});

test("twenty of a rule are kept in words, all are counted", () => {
  const b = bench(kind("direct"));
  for (let n = 0; n < 50; n++) b.api.unmap(-1, size, toDevice);
  expect([b.checker.count("unmap-error-value"), b.checker.violations.length]).toEqual([50, 20]);
});

test("registers of another device are mapped as they are and hold no bytes of ours", () => {
  const b = bench(kind("swiotlb-xen x86"));
  const m = b.api.map(0xfe00_0000, 4096, bidirectional, attrMmio);
  expect([m.bus, m.cause, m.bounced]).toEqual([0xfe00_0000, "mmio", false]);
  expect(b.checker.violations).toEqual([]);
});

test("allowed by the real thing and so by the checks: what the CPU writes between two syncs of a receive buffer is lost", () => {
  const b = bench(forced);
  const m = map(b, fromDevice);
  deviceWrites(b, m.bus);
  b.api.syncForCpu(m.bus, size, fromDevice);
  write(b, at, 16);
  b.api.syncForDevice(m.bus, size, fromDevice);
  b.api.unmap(m.bus, size, fromDevice);
  const seen = new Uint8Array(16);
  b.memory.read(at, seen);
  expect([...seen]).toEqual(Array(16).fill(0xd4));
  expect(b.checker.violations).toEqual([]);
});
