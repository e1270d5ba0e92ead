/** A recording on a described machine: what the description says is obeyed, or refused with its place. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { dmalab } from "../called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-described-"));
afterAll(() => rmSync(folder, { recursive: true }));

const full = join(folder, "trace.txt");
copyFileSync("fixtures/swiotlb-full/dmesg.txt.gz", join(folder, "dmesg.txt.gz"));
const recorded = gunzipSync(readFileSync("fixtures/swiotlb-full/trace.txt.gz")).toString();
writeFileSync(full, recorded.split("\n").slice(0, 4000).join("\n"));

function machine(text: string): string {
  const path = join(folder, "machine.yaml");
  writeFileSync(path, text);
  return path;
}

async function run(text: string) {
  const { code, out, err } = await dmalab(["run", full, "--machine", machine(text), "--json"]);
  return { document: out === "" ? null : JSON.parse(out), err, code };
}

test.each([
  [
    "an encrypted guest bounces all",
    "encrypted: true\nmemory: 2GiB\n",
    { slots: 65536, forced: true },
    { bounced: 1498 },
  ],
  [
    "with the pool that it states",
    "encrypted: true\nswiotlb: { slots: 32768 }\n",
    { slots: 32768, forced: true },
    { bounced: 1498 },
  ],
  [
    "no pool: what a 24-bit disk asks for fails",
    'swiotlb: { mode: "off" }\ndevices: [{ bdf: "0000:00:05.0", mask: 24 }]\n',
    null,
    { failed: 121 },
  ],
  [
    "address lines count as a mask",
    'swiotlb: { mode: auto }\ndevices: [{ bdf: "0000:00:05.0", mask: 24, lines: 24 }]\n',
    { slots: 512, forced: false },
    { bounced: 121 },
  ],
  [
    "CPUs decide how many areas there are",
    "cpus: 8\nswiotlb: { slots: 32768, mode: force }\n",
    { slots: 32768, areas: 8 },
    { bounced: 1498 },
  ],
  [
    "a kernel's search rules",
    'kernel: "6.6"\nswiotlb: { slots: 32768, mode: force }\n',
    { profile: "before-2024" },
    { bounced: 1498 },
  ],
])("%s", async (_what, text, swiotlb, maps) => {
  const { document, err } = await run(text);
  expect(err).toBe("");
  if (swiotlb === null) expect(document.machine.swiotlb).toBeNull();
  else expect(document.machine.swiotlb).toMatchObject(swiotlb);
  expect(document.maps).toMatchObject(maps);
  expect(document.replayedOn).toBe("other");
});

test.each([
  ["a hypervisor", "xen:\n  model: p2m\n  domains: [{ id: 0, memory: 512MiB }]\n", /line 2, column 3: .*a hypervisor/],
  ["another architecture", "arch: arm\n", /line 1, column 7: .*arm: what it bounces/],
  [
    "a device that is not coherent",
    'devices:\n  - { bdf: "0000:00:03.0", coherent: false }\n',
    /line 2, column \d+: .*not coherent/,
  ],
  [
    "an engine",
    'devices:\n  - { bdf: "0000:00:03.0", engine: software-iommu }\n',
    /line 2, column \d+: .*native engine/,
  ],
  ["an IOMMU", "iommu: { kind: vtd }\n", /line 1, column \d+: .*an IOMMU: what it would have translated/],
])("%s is refused with its place", async (_what, text, says) => {
  const { document, err, code } = await run(text);
  expect([document, code]).toEqual([null, 2]);
  expect(err).toMatch(says);
});

test("less memory than the recording's buffers reach is refused", async () => {
  const args = ["run", "fixtures/swiotlb-32bit/trace.txt.gz", "--machine", machine("memory: 512MiB\n")];
  const { code, err } = await dmalab(args);
  expect(code).toBe(2);
  expect(err).toMatch(/memory|at least/);
});
