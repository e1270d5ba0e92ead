/** The built command as a process: pipes, full disks, signals, terminals. What needs no process is tested without one. */
import { spawn, spawnSync } from "node:child_process";
import {
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { long } from "../tier.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-process-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

/** Run a line of bash in which `dmalab` is the built command. */
function bash(line: string, env: Record<string, string> = {}) {
  const script = `dmalab() { ${process.execPath} dist/src/cli/main.js "$@"; }\n${line}`;
  const done = spawnSync("bash", ["-c", script], {
    ...{ encoding: "utf8", timeout: 60_000, maxBuffer: 2 ** 28 },
    env: { ...process.env, LC_ALL: "C.UTF-8", ...env },
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

const image = "fixtures/vtd-ats/mem.elf.gz";
const full = "fixtures/swiotlb-full/trace.txt.gz";

/** Memory that holds nothing, and takes no room on the disk. */
function hollow(name: string, bytes: number): string {
  ftruncateSync(openSync(at(name), "w"), bytes);
  return at(name);
}

describe("a pipe", () => {
  test("whose reader goes away ends it quietly, with the code of what was found", () => {
    const { out, err } = bash(`dmalab inspect ${image} --json | head -c 21; echo; echo \${PIPESTATUS[0]}`);
    expect([out, err]).toEqual([`{\n  "schema": "dmalab\n0\n`, ""]);
  });

  test("is read and written as a file is", () => {
    const { out, err } = bash(
      `dmalab inspect <(zcat ${image}) --html >(head -c 15) --json > ${at("report.json")}; wait`,
    );
    expect([out, err]).toEqual(["<!doctype html>", ""]);
    expect(JSON.parse(readFileSync(at("report.json"), "utf8"))).toMatchObject({ schema: "dmalab.inspect/1" });
    const standard = bash(`dmalab inspect ${image} --html /dev/stdout | head -c 15`);
    expect([standard.out, standard.err]).toEqual(["<!doctype html>", ""]);
  });
});

test("a disk that is full is one line and code 2", () => {
  const stdout = bash("dmalab why --line x > /dev/full");
  expect(stdout).toEqual({ code: 2, out: "", err: "dmalab: standard output: no space left on the disk\n" });
  expect(bash("dmalab --help > /dev/full").code).toBe(2);
  expect(bash("dmalab why nothing-there 2> /dev/full")).toEqual({ code: 2, out: "", err: "" });
});

test("a file that cannot be completed leaves the one that was there", () => {
  writeFileSync(at("good.html"), "good");
  writeFileSync(at("image.elf"), gunzipSync(readFileSync(image)));
  const { code, err } = bash(`ulimit -f 50; dmalab inspect ${at("image.elf")} --html ${at("good.html")}`);
  expect({ code, err }).toEqual({
    code: 2,
    err: `dmalab: --html ${at("good.html")}: a file that would be too large\n`,
  });
  expect(readFileSync(at("good.html"), "utf8")).toBe("good");
  expect(readdirSync(folder).filter((name) => name.includes("html"))).toEqual(["good.html"]);
});

describe("Ctrl-C ends it with code 130", () => {
  /** Start it, send SIGINT once `ready` says so. */
  async function interrupted(args: readonly string[], ready: (pid: number) => boolean) {
    const child = spawn(process.execPath, ["dist/src/cli/main.js", ...args], { stdio: ["pipe", "ignore", "pipe"] });
    let err = "";
    child.stderr.on("data", (text) => (err += text));
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    while (!ready(child.pid!) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    const asked = Date.now();
    child.kill("SIGINT");
    return { code: await ended, err, took: Date.now() - asked };
  }
  /** Files that a process has open. */
  function filesOf(pid: number): string[] {
    const links = `/proc/${pid}/fd`;
    return readdirSync(links).flatMap((fd) => {
      try {
        return [readlinkSync(`${links}/${fd}`)];
      } catch {
        return [];
      }
    });
  }

  test("in the midst of a replay: nothing half written stays, and what was there before does", async () => {
    writeFileSync(at("good.pftrace"), "good");
    const begun = () => readdirSync(folder).some((name) => name.endsWith(".part"));
    const { code, err } = await interrupted(["run", full, "--perfetto", at("good.pftrace")], begun);
    expect([code, err]).toEqual([130, ""]);
    expect(readdirSync(folder).filter((name) => name.includes("pftrace"))).toEqual(["good.pftrace"]);
    expect(readFileSync(at("good.pftrace"), "utf8")).toBe("good");
  });

  test("at once, also where it computes for long", async () => {
    const memory = hollow("hollow.raw", 2 ** 35);
    let opened = Number.POSITIVE_INFINITY;
    const isOpen = (pid: number) => {
      if (filesOf(pid).includes(memory)) opened = Math.min(opened, Date.now());
      return Date.now() - opened > 200;
    };
    const { code, err, took } = await interrupted(["inspect", memory, "--raw"], isOpen);
    expect([code, err]).toEqual([130, ""]);
    expect(took).toBeLessThan(5000);
  });

  test("while it waits for standard input", async () => {
    const waits = (pid: number) => filesOf(pid).some((name) => name.includes("dmalab-"));
    expect((await interrupted(["run", "-"], waits)).code).toBe(130);
  });
});

const hasScript = spawnSync("script", ["--version"]).status === 0;

describe.skipIf(!hasScript)(`a terminal${hasScript ? "" : ": no script(1) here"}`, () => {
  /** What a terminal of 80 columns would have been sent. */
  const seen = (line: string) =>
    bash(`script -qec 'stty cols 80; ${process.execPath} dist/src/cli/main.js ${line}' /dev/null`).out;
  /** What stands before the report: bars, each taken back. */
  const bars = (text: string) => text.split("\r\u001b[K").slice(1, -1);

  test.skipIf(!long)("sees how far a machine has run, and nothing of it afterwards", () => {
    writeFileSync(
      at("m.yaml"),
      readFileSync("machines/sev-guest.yaml", "utf8").replace(/requests: \d+/g, "requests: 350"),
    );
    const text = seen(`run ${at("m.yaml")}`);
    expect(bars(text).length).toBeGreaterThan(1);
    for (const bar of bars(text)) expect(bar).toMatch(/^running .*m\.yaml (\d+ s$|█*░* \d+ %)/);
    const report = text.split("\r\u001b[K").at(-1)!;
    expect([report.includes("Engines"), report.includes("running ")]).toEqual([true, false]);
  });

  test.skipIf(!long)("sees how far unpacking and replaying are", () => {
    writeFileSync(at("zeros.gz"), Buffer.concat(Array(16).fill(gzipSync(Buffer.alloc(2 ** 26)))));
    const inspected = bars(seen(`inspect ${at("zeros.gz")} --raw`));
    // What is done at once has no bar: how often a quick scan is drawn is the machine's affair.
    expect(inspected.filter((bar) => /^unpacking zeros\.gz █+░* +\d+ %/.test(bar)).length).toBeGreaterThan(1);
    const replayed = bars(seen(`run ${full} --sizes auto --html ${at("full.html")}`));
    expect(replayed.join("\n")).toMatch(/^replaying trace\.txt\.gz █+░* +\d+ %, \d+ s left$/m);
    for (const bar of [...inspected, ...replayed]) expect(bar.length).toBeLessThan(80);
  });

  test("gets colours, and no bar for what is done at once", () => {
    const text = seen("inspect fixtures/vtd-legacy-strict/mem.elf.gz");
    expect(text.startsWith("\u001b[")).toBe(true);
    expect(text).not.toContain("\r\u001b[K");
  });
});
