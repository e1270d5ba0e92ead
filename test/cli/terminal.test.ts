/** Colour, width and signs: what the environment and the options say, and what reports make of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { toAscii } from "../../src/cli/host/ascii.js";
import { type Coloring, screenOf } from "../../src/cli/host/terminal.js";
import { barOf } from "../../src/cli/progress/bar.js";
import { dmalab } from "./called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-terminal-"));
afterAll(() => rmSync(folder, { recursive: true }));

const full = join(folder, "full.txt");
const fixture = gunzipSync(readFileSync("fixtures/swiotlb-full/trace.txt.gz")).toString();
writeFileSync(full, fixture.split("\n").slice(0, 900).join("\n"));
const machine = join(folder, "machine.yaml");
writeFileSync(machine, readFileSync("machines/bare-metal.yaml", "utf8").replace(/requests: \d+/g, "requests: 5"));
const line = "nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)";

/** One of each kind of report. */
const reports: readonly (readonly string[])[] = [
  ["run", full],
  ["run", machine],
  ["run", "--scenario", "foreign-page", "--bug", "foreign-by-phys"],
  ["run", "--scenario", "straddle"],
  ["run", "--bug", "test-then-free"],
  ["run", "--scenarios", "--bugs"],
  ["why", "--line", line],
  ["inspect", "fixtures/vtd-ats/mem.elf.gz"],
  ["inspect", "fixtures/vtd-legacy-strict/mem.elf.gz", "--at", "00:03.0:0x1000"],
  ["inspect", "fixtures/vtd-legacy-strict/mem.elf.gz", "--diff", "fixtures/vtd-ats/mem.elf.gz"],
];

const printed = new Map<readonly string[], string>();

/** What a report prints into a pipe. */
async function piped(report: readonly string[]): Promise<string> {
  const out = printed.get(report) ?? (await dmalab(report)).out;
  printed.set(report, out);
  return out;
}

describe("the screen", () => {
  const screen = (env: Record<string, string>, columns?: number, coloring?: Coloring) =>
    screenOf({ env, stdout: { isTerminal: columns !== undefined, columns } as never }, coloring);

  test.each<[env: Record<string, string>, terminal: boolean, coloring: Coloring | undefined, color: boolean]>([
    [{}, true, undefined, true],
    [{}, false, undefined, false],
    [{ NO_COLOR: "1" }, true, undefined, false],
    [{ NO_COLOR: "" }, true, undefined, true],
    [{ NO_COLOR: "1" }, true, "auto", false],
    [{ NO_COLOR: "1" }, false, "always", true],
    [{ TERM: "dumb" }, true, undefined, false],
    [{ FORCE_COLOR: "1" }, false, undefined, true],
    [{ FORCE_COLOR: "0" }, true, undefined, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, undefined, true],
    [{ FORCE_COLOR: "1" }, true, "never", false],
  ])("%j, a terminal: %s, --color %s: colour %s", (env, terminal, coloring, color) => {
    expect(screen(env, terminal ? 80 : undefined, coloring).color).toBe(color);
  });

  test.each<[env: Record<string, string>, columns: number | undefined, width: number]>([
    [{}, undefined, Number.POSITIVE_INFINITY],
    [{}, 132, 132],
    [{ COLUMNS: "72" }, undefined, 72],
    [{ COLUMNS: "72" }, 132, 72],
    [{ COLUMNS: "10" }, undefined, 40],
    [{ COLUMNS: "0" }, 132, 132],
    [{ COLUMNS: "wide" }, undefined, Number.POSITIVE_INFINITY],
  ])("%j on %s columns is %s wide", (env, columns, width) => expect(screen(env, columns).width).toBe(width));

  test.each<[env: Record<string, string>, signs: boolean]>([
    [{}, true],
    [{ LANG: "de_DE.UTF-8" }, true],
    [{ LANG: "C.utf8" }, true],
    [{ LANG: "C" }, false],
    [{ LC_ALL: "POSIX", LANG: "de_DE.UTF-8" }, false],
    [{ LC_CTYPE: "C", LANG: "de_DE.UTF-8" }, false],
    [{ LC_ALL: "C.UTF-8", LC_CTYPE: "C" }, true],
    [{ LC_ALL: "", LANG: "en_US.ISO-8859-1" }, false],
  ])("%j shows signs: %s", (env, signs) => expect(screen(env).signs).toBe(signs));
});

test("--color goes with every verb", async () => {
  for (const report of reports) {
    const painted = await dmalab([...report, "--color", "always"]);
    expect(painted.out).toContain("\u001b[");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
    expect(painted.out.replace(/\u001b\[\d+m/g, "")).toBe(await piped(report));
  }
  expect((await dmalab(["run", full, "--color", "often"])).err).toMatch(/It takes always, never or auto/);
});

describe("a pipe", () => {
  test("has tables with all columns, uncut, however wide", async () => {
    for (const report of reports) {
      expect(await piped(report)).not.toMatch(/no room here for/);
    }
    const out = await piped(reports[0]!);
    expect(out).not.toContain("…");
    expect(out).toMatch(
      /^ +device +driver +maps +direct +bounced +translated +failed +bounced bytes +peak slots +alive$/m,
    );
  });

  test("is as narrow as COLUMNS says, and what was left out is named", async () => {
    for (const report of reports) {
      for (const columns of [60, 80]) {
        const { out } = await dmalab(report, { env: { COLUMNS: `${columns}` } });
        const long = out.split("\n").filter((l) => l.length > columns);
        expect(long, `${report.join(" ")} at ${columns}`).toEqual([]);
      }
    }
    const { out } = await dmalab(["run", full], { env: { COLUMNS: "60" } });
    expect(out.replace(/\s+/g, " ")).toContain("(no room here for: translated, bounced bytes, peak slots, alive)");
    expect(out).toMatch(/^ +device +driver +maps +direct +bounced +failed$/m);
  });
});

describe("a locale without signs", () => {
  const env = { LC_ALL: "C" };

  test("gets ASCII in every report, help and message, and the same lines", async () => {
    for (const args of [...reports, ["--help"], ["run", "--help"], ["inspect", "--help"], ["run", "nö.dat"]]) {
      const { out, err } = await dmalab(args, { env });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what ASCII is
      expect(`${out}${err}`).toMatch(/^[\x00-\x7f]+$/);
      expect(out.split("\n").length).toBe((await piped(args)).split("\n").length);
    }
    expect((await dmalab(["run", full], { env })).out).toMatch(/^x \d+ of [\d,]+ mappings failed/);
  });

  test("gets documents as they are", async () => {
    for (const option of ["--json", "--markdown"]) {
      const args = ["run", "--scenario", "foreign-page", option];
      const { out } = await dmalab(args, { env });
      expect(out).toBe((await dmalab(args)).out);
      expect(out).toMatch(/[^\0-\x7f]/);
    }
  });

  test("has a letter for each sign that stands in the sources", () => {
    const sources = ["cli", "report", "audit", "lab", "read", "sw", "spec", "table"].flatMap((layer) =>
      readdirSync(`src/${layer}`, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts") && !/html|page\//.test(name))
        .map((name) => `src/${layer}/${name}`),
    );
    const without = sources.flatMap((path) => {
      const code = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
      return [...code.matchAll(/[^\0-\x7f]/gu)]
        .filter(([sign]) => toAscii(sign) === "?")
        .map(([sign]) => `${path}: ${sign}`);
    });
    expect(without).toEqual([]);
    expect(toAscii("✗ ⚠ ✓ · 5 µs … → ▁█ ä")).toBe("x ! v - 5 us ... -> _# ?");
  });
});

describe("the bar", () => {
  const given = { name: "trace.dat", elapsed: 4000, width: 80, signs: false };

  test("says how much is done and what is left, or how long it has taken", () => {
    expect(barOf({ ...given, done: 0.5 })).toBe(`trace.dat ${"#".repeat(15)}${".".repeat(15)} 50 %, 4 s left`);
    expect(barOf({ ...given, done: 1 })).toBe(`trace.dat ${"#".repeat(30)} 100 %, finishing`);
    expect(barOf({ ...given, done: null })).toBe("trace.dat 4 s");
    expect(barOf({ ...given, done: 0.5, signs: true })).toContain("█░");
  });

  test("never fills the line", () => {
    for (const width of [1, 20, 40])
      expect(barOf({ ...given, done: 0.5, width }).length).toBeLessThanOrEqual(Math.max(1, width - 1));
  });
});
