/** Nothing behind the doors needs Node: each is bundled as for a browser, and one is run without anything of Node. */
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { type InspectDocument, inspect, type RunDocument, replay } from "../../src/index.js";
import { fixture } from "../read/fixture.js";
import { long } from "../tier.js";

const { exports: doors } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, string> };
const names = Object.keys(doors).filter((name) => name !== "./package.json");

/** A door as one classic script that leaves what it exports in `dmalab`. */
async function bundled(entry: string, how: { readonly metafile?: boolean } = {}) {
  return build({
    ...{ stdin: { contents: entry, resolveDir: process.cwd() }, ...how },
    ...{ bundle: true, write: false, platform: "browser", format: "iife", globalName: "dmalab", logLevel: "silent" },
  });
}

test("an import of Node's fails", async () => {
  await expect(bundled('import "node:fs"')).rejects.toThrow(/Could not resolve "node:fs"/);
});

test.each(names)("%s is for browsers too", async (name) => {
  const { outputFiles, warnings } = await bundled(`export * from "dmalab${name.slice(1)}"`);
  expect(warnings).toEqual([]);
  expect(outputFiles![0]!.text).not.toMatch(/\brequire\(/);
});

test.skipIf(!long)("without Node's own globals a recording and an image give the same document", async () => {
  const { outputFiles } = await bundled('export * from "dmalab"');
  const names = ["TextDecoder", "TextEncoder", "AbortSignal", "Blob", "WebAssembly", "performance", "setTimeout"];
  const all = globalThis as unknown as Readonly<Record<string, unknown>>;
  const web = Object.fromEntries([...names, "btoa", "atob", "fetch"].map((name) => [name, all[name]]));
  const context = createContext(web);
  runInContext(outputFiles![0]!.text, context);
  const bytes = new Uint8Array(readFileSync("fixtures/swiotlb-force/trace.v6.dat.gz"));
  const log = new Uint8Array(readFileSync("fixtures/swiotlb-full/dmesg.txt.gz"));
  Object.assign(context, { bytes, log });
  const document = await (runInContext("dmalab.replay(bytes, { log })", context) as Promise<RunDocument>);
  expect(JSON.parse(JSON.stringify(document))).toEqual(await replay(fixture("swiotlb-force/trace.v6.dat.gz"), { log }));
  const image = new Uint8Array(fixture("vtd-ats/mem.elf.gz"));
  Object.assign(context, { image });
  const inspected = await (runInContext("dmalab.inspect(image)", context) as Promise<InspectDocument>);
  expect(JSON.parse(JSON.stringify(inspected))).toEqual(await inspect(image));
});
