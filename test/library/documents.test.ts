/** The functions answer what the command answers, in each form of an input, as plain JSON values. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type RunDocument, replay, runMachine, type WhyDocument, why } from "../../src/index.js";
import { dmalab } from "../cli/called.js";
import { expectEqual } from "../equal.js";
import { fixture, fixtureText } from "../read/fixture.js";
import { undescribed } from "../report/described.js";
import { long } from "../tier.js";
import { forms } from "./inputs.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-documents-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The first lines of a recording, in a file beside its log. */
function beginning(recording: string, lines: number) {
  const bytes = Buffer.from(fixtureText(`${recording}/trace.txt.gz`).split("\n").slice(0, lines).join("\n"));
  const log = fixture(`${recording}/dmesg.txt.gz`);
  const path = join(folder, "trace.txt");
  writeFileSync(path, bytes);
  writeFileSync(join(folder, "dmesg.txt"), log);
  return { path, bytes, log };
}

type Document = RunDocument | WhyDocument;

/** What the command prints. */
async function printed(...args: readonly string[]): Promise<unknown> {
  return JSON.parse((await dmalab([...args, "--json"])).out);
}

/** A document is JSON: nothing of it is lost or changed when it is written and read, as bigints and NaN would be. */
function isPlain(document: Document): void {
  expect(document).toStrictEqual(JSON.parse(JSON.stringify(document)));
  expect(undescribed(document)).toEqual([]);
}

test("no type of a document has a value that JSON has not", () => {
  const types = readFileSync("src/report/schema/documents.ts", "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  expect(types).toMatch(/export interface RunDocument/);
  expect(types.match(/\b(?:bigint|undefined|symbol|Date|Map|Set|Uint\w+)\b/)).toBeNull();
});

describe("replay", () => {
  const begun = beginning("swiotlb-force", 1500);
  const full = beginning("swiotlb-full", 4000);

  test("of a recording with its log and counters is what the command finds with them beside it", async () => {
    const [recording, equal] = long ? ["swiotlb-full", 13_462] : ["swiotlb-32bit", 1375];
    const log = fixture(`${recording}/dmesg.txt.gz`);
    const counters = fixtureText(`${recording}/swiotlb.txt`);
    const document = await replay(fixture(`${recording}/trace.txt.gz`), { log, counters });
    isPlain(document);
    expectEqual(document, await printed("run", `fixtures/${recording}/trace.txt.gz`));
    expect(document.exact.equal).toBe(equal);
  });

  test.each([
    [{ swiotlb: { slots: 1024, areas: 2, force: true } }, ["--swiotlb", "1024,2,force"]],
    [{ swiotlb: { slots: 1000 } }, ["--swiotlb", "1000"]],
    [{ sizes: [256, 4096] }, ["--sizes", "256,4096"]],
    [{ sizes: "auto" as const }, ["--sizes", "auto"]],
  ])("with %j", async (options, args) => {
    const document = await replay(full.bytes, { ...options, log: full.log });
    isPlain(document);
    expectEqual(document, await printed("run", full.path, ...args));
  });

  test.each(forms(begun.bytes))("of %s", async (_, input) => {
    // Of the last one the beginning alone is there.
    expect((await replay(input, { log: begun.log })).maps).toMatchObject({ total: 576, bounced: 575, unknown: 1 });
  });

  test("a trace for Perfetto comes in pieces", async () => {
    const pieces: Uint8Array[] = [];
    await replay(full.bytes, { log: full.log, perfetto: (piece) => pieces.push(piece.slice()) });
    expect(pieces.length).toBeGreaterThan(1);
    const { bytes } = await dmalab(["run", full.path, "--perfetto", "-"]);
    expect(Buffer.concat(pieces).length).toBeGreaterThan(bytes.length / 2);
  });

  test("on a described machine", async () => {
    const machine = fixture("../machines/two-areas-8mib.yaml");
    const document = await replay(full.bytes, { log: full.log, machine });
    expect(document).toMatchObject({ replayedOn: "other", pool: { slots: 4096, areas: 2 } });
  });
});

describe("why", () => {
  test("of a log", async () => {
    const document = await why(fixture("swiotlb-full/dmesg.txt.gz"));
    isPlain(document);
    expect(document).toEqual(await printed("why", "fixtures/swiotlb-full/dmesg.txt.gz"));
  });

  const line = "nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)";
  test("of a line", async () => {
    expect(await why(line)).toEqual(await printed("why", "--line", line));
  });

  test("of a setting", async () => {
    const document = await why("swiotlb=65536", { cpus: 64, memory: 2 ** 32 });
    isPlain(document);
    expect(document.findings.length).toBeGreaterThan(0);
    expect(document).toEqual(await printed("why", "--swiotlb", "swiotlb=65536", "--cpus", "64", "--memory", "4GiB"));
  });

  test("of a recording", async () => {
    const lines = fixtureText("swiotlb-full/trace.txt.gz").split("\n");
    const document = await why(Buffer.from(lines.slice(0, 900).join("\n")));
    isPlain(document);
    expect(document.findings.map((f) => f.cause)).toHaveLength(2);
  });

  test("of something else nothing is found", async () => {
    expect(await why("a line of no interest")).toEqual({ schema: "dmalab.why/1", findings: [] });
  });

  test.each(forms(fixture("swiotlb-full/dmesg.txt.gz")))("of %s", async (_, input) => {
    expect((await why(input)).findings.length).toBeGreaterThan(0);
  });
});

describe("runMachine", () => {
  test.each(["xen-pvh", "bare-metal"])("of %s", async (name) => {
    const yaml = fixtureText(`../machines/${name}.yaml`).replaceAll(/requests: \d+/g, "requests: 8");
    const path = join(folder, `${name}.yaml`);
    writeFileSync(path, yaml);
    const document = await runMachine(yaml);
    isPlain(document);
    expectEqual(document, await printed("run", path));
  });

  test("with another seed, cut, and unwatched", async () => {
    const yaml = fixtureText("../machines/bare-metal.yaml");
    const document = await runMachine(yaml, { seed: 7, checks: false, stepMax: 700 });
    expect(document).toMatchObject({ machine: { seed: 7 }, run: { steps: 700, complete: false, watched: false } });
  });
});
