/** Help tells everything that there is, its examples run, and shells complete it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verbRows } from "../../src/cli/program.js";
import { dmalab } from "./called.js";
import { typed } from "./typed.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-help-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

describe("help", () => {
  test.each(verbRows.map((verb) => [verb.name, verb] as const))(
    "of %s has every option, under its heading",
    async (name, verb) => {
      const { code, out, err } = await dmalab([name, "--help"]);
      expect([code, err]).toEqual([0, ""]);
      for (const { name: option, value, group } of verb.options) {
        expect(out).toContain(`\n  --${option}${value === null ? "" : ` ${value.shown}`} `);
        expect(out).toContain(`\n${group}\n`);
      }
      expect(await dmalab(["help", name])).toMatchObject({ code: 0, out });
      const narrow = await dmalab([name, "--help"], { env: { COLUMNS: "70" } });
      // What one types is not broken.
      const long = narrow.out.split("\n").filter((line) => line.length > 70 && !/^ {2}dmalab|^Usage/.test(line));
      expect(long).toEqual([]);
    },
  );

  test("of all names the verbs; without arguments it is what was asked wrongly", async () => {
    const { code, out } = await dmalab(["--help"]);
    expect(code).toBe(0);
    for (const { name } of verbRows) expect(out).toContain(`\n  ${name} [options]`);
    expect(await dmalab(["help"])).toMatchObject({ code: 0, out });
    expect(await dmalab([])).toMatchObject({ code: 2, out: "", err: out });
  });

  test("knows what one probably meant", async () => {
    const rows: [args: string[], says: RegExp][] = [
      [["insepct"], /unknown command 'insepct' \(did you mean inspect\?\)/],
      [["help", "rnu"], /no verb rnu \(did you mean run\?\)/],
      [["run", "--scenaro", "x"], /unknown option '--scenaro' \(did you mean --scenario\?\)/],
      [["run", "x", "--who", "0x1"], /unknown option '--who'; inspect has it/],
      [["inspect", "x", "--trace", "y"], /unknown option '--trace'.*; run and why have it/],
      [["run", "--bug", "stale-bonce"], /no bug stale-bonce \(did you mean stale-bounce\?\)/],
      [["completion", "zhs"], /no completion for zhs \(did you mean zsh\?\)/],
      [["why", "a", "b"], /too many arguments/],
    ];
    for (const [args, says] of rows) {
      const { code, out, err } = await dmalab(args);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toMatch(says);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
    }
  });
});

describe("examples run", () => {
  const log = gunzipSync(readFileSync("fixtures/swiotlb-full/dmesg.txt.gz"));
  const lines = gunzipSync(readFileSync("fixtures/swiotlb-full/trace.txt.gz")).toString().split("\n").slice(0, 300);

  beforeAll(() => {
    writeFileSync(at("trace.dat"), lines.join("\n"));
    writeFileSync(at("trace.txt.gz"), gzipSync(lines.join("\n")));
    writeFileSync(at("dmesg.txt"), log);
    writeFileSync(at("kern.log"), log);
    for (const name of readdirSync("fixtures/xen-domu-overlap"))
      copyFileSync(`fixtures/xen-domu-overlap/${name}`, at(name));
    for (const name of ["vmcore", "mem.elf.gz", "before.elf"])
      copyFileSync("fixtures/vtd-scalable/mem.elf.gz", at(name));
    copyFileSync("fixtures/vtd-scalable/mem.registers.json", at("regs.json"));
    copyFileSync("fixtures/vtd-ats/mem.elf.gz", at("after.elf"));
    for (const name of ["xen-pv-dom0.yaml", "vtd-strict.yaml"])
      writeFileSync(at(name), readFileSync(`machines/${name}`, "utf8").replace(/requests: \d+/g, "requests: 5"));
  });

  const examples = verbRows.flatMap((verb) => verb.examples.map(([command]) => command));
  // A guest would have to run.
  test.each(examples.filter((command) => !command.includes("--qmp")))("%s", async (command) => {
    const place = (word: string) => (/^[-\w/.]+\.[a-z]+$|^vmcore$/.test(word) ? at(word.replace(/^.*\//, "")) : word);
    const { code, out, err } = await typed(command, place, log);
    expect([err, code === 0 || code === 1]).toEqual(["", true]);
    expect(out.length).toBeGreaterThan(50);
  });
});

describe("completion", () => {
  const scripts = new Map<string, string>();
  beforeAll(async () => {
    for (const shell of ["bash", "zsh", "fish"]) scripts.set(shell, (await dmalab(["completion", shell])).out);
  });
  /** Run a script by a shell. */
  function shell(name: string, args: readonly string[], script: string) {
    writeFileSync(at("script"), script);
    return spawnSync(name, [...args, at("script")], { encoding: "utf8" });
  }
  const has = (name: string) => spawnSync(name, ["--version"]).status === 0;

  test("of bash: verbs, options of the verb, values, files", () => {
    const rows: [typed: string[], completed: RegExp][] = [
      [[""], /^run why inspect check completion help --help --version$/],
      [["wh"], /^why$/],
      [["run", "--sc"], /^--scenarios --scenario$/],
      [["why", "--"], /^--line --swiotlb --trace --cpus --memory --json --color --help$/],
      [["inspect", "--color", ""], /^always never auto$/],
      [["inspect", "--color", "=", "al"], /^always$/],
      [["run", "--scenario", "foreign-p"], /^foreign-page$/],
      [["run", "--bug", "stale-b"], /^stale-bounce$/],
      [["run", "package.j"], /^package\.json$/],
      [["run", "--html", "package.j"], /^package\.json$/],
      [["run", "--seed", ""], /^$/],
      [["completion", ""], /^bash zsh fish$/],
      [["help", "ins"], /^inspect$/],
    ];
    const calls = rows.map(([words]) => {
      const quoted = words.map((word) => `'${word}'`).join(" ");
      return `COMPREPLY=(); COMP_WORDS=(dmalab ${quoted}); COMP_CWORD=${words.length}; _dmalab; echo "\${COMPREPLY[*]}"`;
    });
    const { stdout, stderr } = shell("bash", [], `${scripts.get("bash")}\n${calls.join("\n")}\n`);
    expect(stderr).toBe("");
    for (const [i, line] of stdout.trimEnd().split("\n").entries()) {
      expect(line, rows[i]![0].join(" ")).toMatch(rows[i]![1]);
    }
  });

  test("of every shell has every option of every verb", () => {
    for (const script of scripts.values()) {
      for (const { options } of verbRows)
        for (const { name } of options) expect(script).toMatch(new RegExp(`(--|-l )${name}\\b`));
    }
  });

  test.each(["zsh", "fish"].filter(has))("of %s is a script that it takes", (name) => {
    expect(shell(name, ["-n"], scripts.get(name)!)).toMatchObject({ status: 0, stderr: "" });
  });

  test.skipIf(!has("fish"))("of fish completes", () => {
    const ask = (line: string) => `complete -C ${JSON.stringify(line)}`;
    const { stdout } = shell(
      "fish",
      [],
      `${scripts.get("fish")}\n${ask("dmalab run --scenario foreign-p")}\n${ask("dmalab why --sw")}\n`,
    );
    expect(stdout).toMatch(/^foreign-page\t.*\n--swiotlb\t/);
  });
});
