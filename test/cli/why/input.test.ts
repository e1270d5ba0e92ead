/** A log has one answer, whether it is a file or comes through a pipe. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { dmalab } from "../called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-why-"));
afterAll(() => rmSync(folder, { recursive: true }));

const log = `[    0.000000] Command line: root=/dev/sda1 swiotlb=64M
[    0.000000] software IO TLB: area num 64.
[   10.000000] mpt3sas 0000:01:00.0: swiotlb buffer is full (sz: 131072 bytes), total 1024 (slots), used 600 (slots)
`;

test.each([
  ["with the machine's facts before the line", log, 1, ["area-too-small", "setting-unit"]],
  ["with the facts behind it", log.split("\n").reverse().join("\n"), 1, ["area-too-small", "setting-unit"]],
  ["of a healthy boot", "[    0.000000] DMAR: Host address width 39\n[    0.1] usb 1-1: reset\n", 0, []],
  ["that no rule explains", "[    0.1] software IO TLB: frobnication failed\n", 1, ["unexplained"]],
])("a log %s", async (_what, text, code, kinds) => {
  const file = join(folder, "kern.log");
  writeFileSync(file, text);
  const [named, piped] = [await dmalab(["why", file, "--json"]), await dmalab(["why", "-", "--json"], { input: text })];
  expect(piped).toEqual(named);
  expect(named.code).toBe(code);
  const { findings } = JSON.parse(named.out) as { findings: { kind: string }[] };
  expect(findings.map((f) => f.kind)).toEqual(kinds);
});
