/** What the command writes: never over what it reads, whole or not at all, and to standard output when it is told so. */
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type Called, type CallOptions, dmalab } from "./called.js";

const root = mkdtempSync(join(tmpdir(), "dmalab-outputs-"));
afterAll(() => rmSync(root, { recursive: true }));

let folder = root;
let folders = 0;
beforeEach(() => {
  folder = join(root, `${folders++}`);
  mkdirSync(folder);
  writeFileSync(at("trace.txt"), recording);
});

const at = (name: string) => join(folder, name);
const fixture = gunzipSync(readFileSync("fixtures/swiotlb-full/trace.txt.gz")).toString();
const recording = fixture.split("\n").slice(0, 300).join("\n");
const image = "fixtures/vtd-legacy-strict/mem.elf.gz";
const walk = ["inspect", image, "--at", "00:03.0:0xfffc0123"];

const run = (...args: readonly string[]) => dmalab(["run", at("trace.txt"), ...args]);

function refused({ code, out, err }: Called, says: RegExp): void {
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(says);
  expect(err.trimEnd().split("\n")).toHaveLength(1);
}

describe("what lies beside the recording and cannot be read", () => {
  test.each(["swiotlb.txt", "dmesg.txt"])("%s found empty is told, and the recording is replayed", async (name) => {
    writeFileSync(at(name), "");
    const { code, out } = await run();
    expect(code).not.toBe(2);
    expect(out.replace(/\s+/g, " ")).toMatch(new RegExp(`warning ${name}: passed over: .*empty file`));
  });

  test.each([
    ["a recording", () => at("trace.txt"), /--dmesg \S+trace\.txt is a recording .*: it takes the kernel's log/],
    ["an image", () => image, /--dmesg \S+ is an ELF core: it takes the kernel's log/],
  ])("a log that is %s is refused", async (_what, file, says) => {
    refused(await run("--dmesg", file()), says);
  });

  test("named by the user it is refused", async () => {
    writeFileSync(at("log"), "");
    refused(await run("--dmesg", at("log")), /log: expected a file with something in it, found an empty file/);
  });
});

describe("an output that is read is refused, and left as it is", () => {
  test("under its own name, by links, and by another way to it", async () => {
    symlinkSync(at("trace.txt"), at("soft"));
    linkSync(at("trace.txt"), at("hard"));
    for (const name of [at("trace.txt"), at("soft"), at("hard"), `${folder}/../${folders - 1}/trace.txt`]) {
      for (const option of ["--html", "--perfetto"]) {
        refused(await run(option, name), new RegExp(`${option} .*, which is read|${option} .* is a file that is read`));
      }
    }
    expect(readFileSync(at("trace.txt"), "utf8")).toBe(recording);
  });

  test("also where the command found it by itself", async () => {
    writeFileSync(at("dmesg.txt"), "[    0.000000] Linux version 7.2\n");
    refused(await run("--html", at("dmesg.txt")), /dmesg\.txt is a file that is read/);
    writeFileSync(at("mem.elf"), gunzipSync(readFileSync(image)));
    writeFileSync(at("mem.registers.json"), readFileSync("fixtures/vtd-legacy-strict/mem.registers.json"));
    const inspected = await dmalab(["inspect", at("mem.elf"), "--html", at("mem.registers.json")]);
    refused(inspected, /mem\.registers\.json is a file that is read/);
    expect(readFileSync(at("dmesg.txt"), "utf8")).toMatch(/^\[ {4}0/);
  });

  test("also as an option's file, and as what standard input comes from", async () => {
    writeFileSync(at("log"), "[    0.000000] Linux version 7.2\n");
    refused(await run("--dmesg", at("log"), "--html", at("log")), /--html .*log is a file that is read/);
    const { dev, ino } = statSync(at("trace.txt"));
    const options: CallOptions = { input: recording, stdinFile: `${dev}:${ino}` };
    refused(
      await dmalab(["run", "-", "--html", at("trace.txt")], options),
      /same file as standard input, which is read/,
    );
    const onto: CallOptions = { stdoutFile: `${dev}:${ino}` };
    refused(
      await dmalab(["run", at("trace.txt")], onto),
      /standard output is the same file as .*trace\.txt, which is read/,
    );
  });
});

test("two outputs that are one file are refused", async () => {
  symlinkSync(at("one"), at("link"));
  for (const other of [at("one"), `${folder}/./one`, at("link")]) {
    refused(await run("--html", at("one"), "--perfetto", other), /--perfetto and --html both write to/);
  }
  refused(await dmalab([...walk, "--svg", at("x"), "--dot", at("x")]), /--dot and --svg both write to/);
  expect(readdirSync(folder).sort()).toEqual(["link", "trace.txt"]);
});

describe("- is standard output", () => {
  test.each([
    ["--html", []],
    ["--perfetto", []],
  ])("%s alone is what is printed", async (option, more) => {
    const printed = await run(option, "-", ...more);
    await run(option, at("written"));
    expect(printed.err).toBe("");
    expect(Buffer.from(printed.bytes).equals(readFileSync(at("written")))).toBe(true);
  });

  test("walks as pictures, one of them beside a file", async () => {
    const { code, out } = await dmalab([...walk, "--svg", "-", "--dot", at("walk.dot")]);
    expect(code).toBe(0);
    expect(out).toMatch(/^<svg[\s\S]*<\/svg>\n?$/);
    expect(readFileSync(at("walk.dot"), "utf8")).toBe((await dmalab([...walk, "--dot", "-"])).out);
  });

  test("which cannot be two things at once", async () => {
    refused(await run("--html", "-", "--json"), /--json and --html - both write to standard output/);
    refused(await run("--html", "-", "--perfetto", "-"), /--html and --perfetto - both write to standard output/);
    refused(await dmalab([...walk, "--svg", "-", "--dot", "-"]), /both write to standard output/);
  });
});

describe("- is standard input", () => {
  const plain = async (...args: readonly string[]) => (await dmalab(args)).out;
  const registers = readFileSync("fixtures/vtd-legacy-strict/mem.registers.json");

  test("wherever a file is read", async () => {
    const log = readFileSync("fixtures/swiotlb-full/dmesg.txt.gz");
    const yaml = "swiotlb: { slots: 2048 }\n";
    writeFileSync(at("log.gz"), log);
    writeFileSync(at("m.yaml"), yaml);
    const file = at("trace.txt");
    const rows: [args: string[], name: string, input: Uint8Array | string][] = [
      [["run", file, "--dmesg"], at("log.gz"), log],
      [["run", file, "--machine"], at("m.yaml"), yaml],
      [["why"], at("log.gz"), log],
      [["why", "--trace"], file, recording],
      [["inspect", image, "--registers"], "fixtures/vtd-legacy-strict/mem.registers.json", registers],
    ];
    for (const [args, name, input] of rows) {
      const { code, out, err } = await dmalab([...args, "-"], { input });
      expect([args, code === 2, err]).toEqual([args, false, ""]);
      const named = (text: string) => text.replaceAll(name, "X").replaceAll("standard input", "X");
      expect(named(out)).toBe(named(await plain(...args, name)));
    }
  });

  test("a machine described there runs", async () => {
    const yaml = readFileSync("machines/bare-metal.yaml", "utf8").replace(/requests: \d+/g, "requests: 5");
    writeFileSync(at("m.yaml"), yaml);
    expect((await dmalab(["run", "-"], { input: yaml })).out).toBe(await plain("run", at("m.yaml")));
    refused(await dmalab(["run", "-"], { input: `${yaml}seed: never\n` }), /standard input: .*expected/);
  });

  test("which can be read once", async () => {
    refused(await dmalab(["run", "-", "--dmesg", "-"], { input: recording }), /can be read only once/);
  });
});

describe("a file", () => {
  test("that was there is replaced, with its permissions, also where a link leads to it", async () => {
    writeFileSync(at("old.html"), "old", { mode: 0o640 });
    symlinkSync(at("old.html"), at("link.html"));
    const { code, out } = await run("--html", at("link.html"));
    expect([code === 2, out.includes(`report: ${at("link.html")}`)]).toEqual([false, true]);
    expect(readFileSync(at("old.html"), "utf8")).toMatch(/^<!doctype html>/);
    expect(statSync(at("old.html")).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(["link.html", "old.html", "trace.txt"]);
  });

  test("of a run that fails is not touched", async () => {
    writeFileSync(at("good"), "good");
    writeFileSync(at("trace.txt"), "no recording\n".repeat(20));
    refused(await run("--html", at("good"), "--perfetto", at("other")), /expected/);
    expect(readdirSync(folder).sort()).toEqual(["good", "trace.txt"]);
    expect(readFileSync(at("good"), "utf8")).toBe("good");
  });

  test.each([
    ["in no folder", "none/x.html", /found no folder .*none/],
    ["beneath a file", "trace.txt/x.html", /something on the way to it that is no directory/],
    ["that is a folder", ".", /found a directory/],
    ["of no name", null, /empty name/],
    ["with the name of an option", "--json", /It takes a file, and this is an option/],
    ["of too long a name", "x".repeat(300), /a name that is too long/],
  ])("%s is refused before any work", async (_, name, says) => {
    const path = name === null ? "" : name.startsWith("--") ? name : at(name);
    refused(await run("--html", path), says);
  });

  test("on a disk that is full is one line", async () => {
    refused(await run("--html", "/dev/full"), /--html \/dev\/full: no space left on the disk/);
    refused(await run("--perfetto", "/dev/full"), /--perfetto \/dev\/full: no space left on the disk/);
    expect((await run("--html", "/dev/null", "--perfetto", "/dev/null")).err).toBe("");
  });
});
