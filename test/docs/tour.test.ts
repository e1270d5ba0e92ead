/**
 * The README's tour does what it shows, with no other files than the package holds and those that are obviously the
 * reader's own. Here it runs in the tree; in the second tier also from the packed package, installed into an empty folder.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { typed, wordsOf } from "../cli/typed.js";
import { long } from "../tier.js";
import { installPackage, run } from "./installed.js";
import { missingLine, packageFiles, type TourCommand, tourOf } from "./tour.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-tour-"));
afterAll(() => rmSync(folder, { recursive: true }));

const commands = tourOf(readFileSync("README.md", "utf8"));

/** Files that a reader has, made of fixtures. @param into a folder */
function layOwn(into: string): void {
  const recorded = gunzipSync(readFileSync("fixtures/swiotlb-full/trace.txt.gz")).toString().split("\n");
  writeFileSync(join(into, "trace.dat"), recorded.slice(0, 700).join("\n"));
  for (const name of ["vmcore", "before.elf"]) copyFileSync("fixtures/vtd-legacy-strict/mem.elf.gz", join(into, name));
  copyFileSync("fixtures/vtd-ats/mem.elf.gz", join(into, "after.elf"));
  writeFileSync(join(into, "lspci.txt"), "00:03.0 0200: 8086:10d3\n");
  for (const name of ["log.txt", "dmesg.txt"]) {
    writeFileSync(join(into, name), gunzipSync(readFileSync("fixtures/swiotlb-full/dmesg.txt.gz")));
  }
  const machine = readFileSync("machines/bare-metal.yaml", "utf8").replaceAll(/requests: \d+/g, "requests: 20");
  writeFileSync(join(into, "machine.yaml"), machine);
}

/** The README's example of the library, run where the package is found, among the reader's own files. */
function expectExample(packageIsIn: string, files: string): void {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync("README.md", "utf8"))!;
  const says =
    "console.log(JSON.stringify([exact.compared, advice.what, findings[0].kind, devices.length, mappings.length, run.complete]));";
  const script = `process.chdir(${JSON.stringify(files)});${code}${says}`;
  const done = spawnSync("node", ["--input-type=module", "-e", script], { cwd: packageIsIn, encoding: "utf8" });
  expect([done.status, done.stderr]).toEqual([0, ""]);
  const lines = done.stdout.trim().split("\n");
  expect(JSON.parse(lines.pop()!)).toEqual([312, "swiotlb=1024,force", "exhausted", 9, 337, true]);
  expect(lines.at(-1)).toBe("100 %");
}
const own = ["trace.dat", "dmesg.txt", "machine.yaml", "vmcore", "before.elf", "after.elf", "lspci.txt"];
const outputs = /^[\w-]+\.(html|elf|svg|dot|pftrace)$/;

/** A guest would have to run, or the machine takes seconds. */
const elsewhere = ({ line }: TourCommand) => line.includes("--qmp") || (!long && line.includes(".yaml"));

test("the tour has the verbs, recordings, images, machines and scenarios", () => {
  expect(commands.length).toBeGreaterThan(15);
  for (const what of ["run fixtures", "why --line", "why -", "inspect", "machines/", "--scenario ", "--perfetto"]) {
    expect(
      commands.some(({ line }) => line.includes(what)),
      what,
    ).toBe(true);
  }
});

test("every file that it names is in the package, or the reader's own", () => {
  const { files } = JSON.parse(readFileSync("package.json", "utf8")) as { files: string[] };
  const isHeld = (path: string) => {
    return files.some(
      (held) =>
        path === held || path.startsWith(`${held}/`) || new RegExp(`^${held.replaceAll("*", "[^/]*")}$`).test(path),
    );
  };
  for (const { line } of commands) {
    for (const path of packageFiles(line)) expect([path, existsSync(path), isHeld(path)]).toEqual([path, true, true]);
    const named = wordsOf(line).filter((w) => /^[\w-]+\.[a-z]{2,8}$/.test(w) && !outputs.test(w));
    expect(named.filter((name) => !own.includes(name) && !/^(qmp\.sock|ram\.bin)$/.test(name))).toEqual([]);
  }
});

describe("in the tree", () => {
  beforeAll(() => layOwn(folder));
  test.each(commands.filter((c) => !elsewhere(c)).map((c) => [c.line, c] as const))(
    "%s",
    async (_, { line, shown }) => {
      const place = (word: string) => (own.includes(word) || outputs.test(word) ? join(folder, word) : word);
      const { code, out, err } = await typed(line, place, readFileSync(join(folder, "log.txt")));
      expect([err, code === 0 || code === 1]).toEqual(["", true]);
      expect(missingLine(shown, out.split("\n"))).toBeNull();
    },
  );

  test("the library's example runs", () => expectExample(process.cwd(), folder));
});

describe.skipIf(!long)("from the package", () => {
  const home = join(folder, "home");
  const installed = join(home, "node_modules/dmalab");

  beforeAll(() => {
    installPackage(folder);
    layOwn(installed);
  }, 300_000);

  test("the command says its version", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(run(home, "npx --no-install dmalab --version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  test.each(commands.filter((c) => !elsewhere(c)).map((c) => [c.line, c] as const))("%s", (_, { line, shown }) => {
    const own = line.replace(/^dmesg/, "cat log.txt");
    const { code, out, err } = run(installed, own, { PATH: `${home}/node_modules/.bin:${process.env["PATH"]}` });
    expect([err, code === 0 || code === 1]).toEqual(["", true]);
    expect(missingLine(shown, out.split("\n"))).toBeNull();
  });

  test("the library's example runs", () => {
    layOwn(home);
    expectExample(home, home);
  });
});
