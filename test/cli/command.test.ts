/** The command as its users call it: exit codes, what stands where, and one clear line for bad input. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { dmalab } from "./called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const full = "fixtures/swiotlb-full/trace.txt.gz";
const force = "fixtures/swiotlb-force/trace.txt.gz";
/** The first mappings that failed, and those before them. */
const first = file("first.txt", gunzipSync(readFileSync(full)).toString().split("\n").slice(0, 900).join("\n"));
const text =
  gunzipSync(readFileSync("fixtures/swiotlb-32bit/trace.txt.gz")).toString().split("\n").slice(0, 1200).join("\n") +
  "\n";
const small = file("small.txt.gz", gzipSync(text));
const binary = readFileSync("fixtures/swiotlb-force/trace.dat");
const binary6 = gunzipSync(readFileSync("fixtures/swiotlb-force/trace.v6.dat.gz"));

describe("run", () => {
  test("code 1 and the verdict first where mappings failed; no colour outside a terminal", async () => {
    const { code, out, err } = await dmalab(["run", first]);
    expect(code).toBe(1);
    expect(err).toBe("");
    expect(out.split("\n")[0]).toMatch(/14 of 360 mappings failed/);
    expect(out).not.toContain("\x1b");
  });

  test("code 0 where nothing is wrong, and one document on standard output", async () => {
    const { code, out, err } = await dmalab(["run", force, "--json"]);
    expect(code).toBe(0);
    expect(err).toBe("");
    const document = JSON.parse(out) as { schema: string; source: { kernel: string }; pool: { base: string } };
    expect(document.schema).toBe("dmalab.run/1");
    expect(document.source.kernel).toBe("7.2.13+deb14-amd64");
    expect(document.pool.base).toBe("0xb000000");
  });

  test("standard input is read as a file is", async () => {
    const { code, out } = await dmalab(["run", "-", "--json"], { input: readFileSync(small) });
    expect(code).toBe(0);
    const alone = file("alone.txt.gz", readFileSync(small));
    expect(out.replace("standard input", alone)).toBe((await dmalab(["run", alone, "--json"])).out);
  });

  test("--html and --perfetto write files", async () => {
    const html = join(folder, "report.html");
    const trace = join(folder, "trace.pftrace");
    expect((await dmalab(["run", first, "--html", html, "--perfetto", trace])).code).toBe(1);
    expect(readFileSync(html, "utf8")).toMatch(/^<!doctype html>/);
    expect(readFileSync(trace).length).toBeGreaterThan(10_000);
  });

  test("--swiotlb and --machine replay on another pool", async () => {
    const yaml = file("machine.yaml", "swiotlb: { slots: 4096, areas: 2, mode: force }\n");
    for (const flags of [
      ["--swiotlb", "4096,2,force"],
      ["--machine", yaml],
    ]) {
      const { code, out } = await dmalab(["run", first, ...flags, "--json"]);
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ pool: { slots: 4096, areas: 2, failures: [] }, exact: { compared: 0 } });
    }
  });
});

describe("bad input is one clear line and code 2", () => {
  const lines = text.split("\n");
  mkdirSync(join(folder, "directory"), { recursive: true });
  const version = Uint8Array.from(binary);
  version.set([0x38, 0x38], 10);
  const rows: readonly (readonly [what: string, path: string, says: RegExp])[] = [
    ["nothing there", join(folder, "none.dat"), /none\.dat: expected a readable file, found nothing at that path/],
    ["a directory", join(folder, "directory"), /expected a file, found a directory/],
    ["an empty file", file("empty.txt", ""), /empty\.txt: expected .*, found an empty file/],
    [
      "bytes of no kind",
      file(
        "junk.bin",
        new Uint8Array(4096).map((_, i) => (i * 7919) >> 3),
      ),
      /junk\.bin.*expected/,
    ],
    ["prose", file("prose.txt", "It was a dark and stormy night.\n".repeat(50)), /prose\.txt.*expected/],
    ["a kernel log", "fixtures/swiotlb-full/dmesg.txt.gz", /is a kernel log: dmalab why \S+dmesg\.txt\.gz explains it/],
    ["trace.dat cut in its header", file("cut.dat", binary.subarray(0, 40)), /cut\.dat.*expected/],
    ["trace.dat of an unknown version", file("version.dat", version), /version\.dat.*version/],
    [
      "gzip of nothing that unpacks",
      file("bad.txt.gz", Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6)),
      /bad\.txt\.gz/,
    ],
  ];
  test.each(rows)("%s", async (_, path, says) => {
    const { code, out, err } = await dmalab(["run", path]);
    expect(err).toMatch(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(err).not.toMatch(/\bat .*\(.*:\d+:\d+\)|bug in dmalab/);
    expect(out).toBe("");
    expect(code).toBe(2);
  });

  const asked: readonly (readonly [args: string[], says: RegExp])[] = [
    [["run"], /missing argument: a recording/],
    [["walk"], /unknown command 'walk'/],
    [["run", full, "--swiotlb", "lots"], /SLOTS\[,AREAS\]\[,force\]/],
    [["run", full, "--sizes", "64"], /auto, or numbers of slots/],
    [["run", full, "--colour"], /unknown option '--colour'/],
    [["why"], /what is to be explained/],
    [["why", "--cpus", "none", "--swiotlb", "1"], /whole number/],
    [["why", "--memory", "4", "--swiotlb", "1"], /memory of a machine, from 4KiB/],
    [["why", "--memory", "0", "--swiotlb", "1"], /memory of a machine, from 4KiB/],
    [["why", "--memory", "999999999999GiB", "--swiotlb", "1"], /memory of a machine, from 4KiB to 4096TiB/],
    [["why", "--swiotlb", "99999999999999999999999999"], /no machine has that much memory/],
    [["completion", "tcsh"], /bash, zsh, fish/],
    [
      ["run", full, "--machine", file("broken.yaml", "swiotlb:\n  mode: sometimes\n")],
      /broken\.yaml: line 2, column 9/,
    ],
    [["run", full, "--machine", file("unknown.yaml", "swiotlb:\n  slot: 4\n")], /slots, areas, mode/],
    [
      ["run", full, "--html", join(folder, "no/such/folder.html")],
      /--html .*folder\.html: expected a place for a file, found no folder .*no\/such\n/,
    ],
  ];
  test.each(asked)("%j", async (args, says) => {
    const { code, out, err } = await dmalab(args);
    expect(err).toMatch(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(err).not.toMatch(/bug in dmalab/);
    if (!args.includes("--html")) expect(out).toBe("");
    expect(code).toBe(2);
  });

  const readable: readonly (readonly [what: string, path: string, says: RegExp])[] = [
    ["a last line cut in half", file("half.txt", text.slice(0, -40)), /line/],
    ["gzip cut in half", file("half.txt.gz", gzipSync(text).subarray(0, -1500)), /gzip data is damaged or cut/],
    ["trace.dat cut in its pages", file("half.dat", binary6.subarray(0, binary6.length - 5000)), /left out/],
    [
      "a line of noise",
      file("noise.txt", [...lines.slice(0, 40), "\x00\x01 noise", ...lines.slice(40)].join("\n")),
      /line 41/,
    ],
  ];
  test.each(readable)("%s: the rest is read, and what was left out is said", async (_, path, says) => {
    const { code, out, err } = await dmalab(["run", path, "--sizes", "512", "--json"]);
    expect(err).toBe("");
    expect(code).not.toBe(2);
    const document = JSON.parse(out) as { source: { events: number; warnings: { where: string; what: string }[] } };
    expect(document.source.events).toBeGreaterThan(500);
    expect(document.source.warnings.map((w) => `${w.where} ${w.what}`).join("\n")).toMatch(says);
  });

  test("a recording without any DMA event says so", async () => {
    const path = file("sched.txt", "# tracer: nop\n  bash-1  [000] .....  1.000000: sched_wakeup: comm=a pid=1\n");
    const { code, out, err } = await dmalab(["run", path]);
    expect(`${out}${err}`).toMatch(/no (DMA|mapping)/i);
    expect(code).not.toBe(1);
  });
});

describe("a file that another verb is there for: one line that says which", () => {
  const log = "fixtures/swiotlb-full/dmesg.txt.gz";
  const image = "fixtures/vtd-ats/mem.elf.gz";
  const dump = "fixtures/images/x86-kdump.gz";
  const flattened = "fixtures/images/x86-kdump-flattened.gz";
  const machine = "machines/bare-metal.yaml";
  const dat = "fixtures/swiotlb-force/trace.dat";
  test.each([
    ["run", log, /is a kernel log: dmalab why \S+dmesg\.txt\.gz explains it/],
    ["run", image, /is an ELF core: dmalab inspect \S+mem\.elf\.gz says/],
    ["run", dump, /is a kdump file: dmalab inspect /],
    ["run", flattened, /is a flattened dump: dmalab inspect /],
    ["why", image, /is an ELF core: dmalab inspect /],
    ["why", small, /is a recording \(ftrace text\): dmalab run \S+ replays it, dmalab why --trace \S+ explains/],
    ["why", dat, /is a recording \(trace\.dat\): dmalab run /],
    ["why", machine, /is a machine description: dmalab run machines\/bare-metal\.yaml runs it/],
    ["inspect", small, /is a recording \(ftrace text\): dmalab run /],
    ["inspect", log, /is a kernel log: dmalab why /],
    ["inspect", machine, /is a machine description: dmalab run /],
  ])("%s %s", async (verb, path, says) => {
    const { code, out, err } = await dmalab([verb, path]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test("also as an option's file, and on standard input", async () => {
    expect((await dmalab(["run", machine, "--trace", image])).err).toMatch(/is an ELF core: dmalab inspect/);
    const { err } = await dmalab(["inspect", "-"], { input: readFileSync(small) });
    expect(err).toMatch(/^dmalab: standard input is a recording \(ftrace text\): dmalab run - replays it/);
    expect((await dmalab(["why", "--trace", log])).err).toMatch(/a kernel log: dmalab why/);
    expect((await dmalab(["inspect", image, "--diff", small])).err).toMatch(/is a recording/);
  });
});

describe("why", () => {
  const line = "nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)";

  test("a line: cause, evidence, what to do; as a document too", async () => {
    const { code, out } = await dmalab(["why", "--line", line]);
    expect(code).toBe(1);
    expect(out).toMatch(/cause .*\n/);
    const document = JSON.parse((await dmalab(["why", "--line", line, "--json"])).out) as {
      schema: string;
      findings: object[];
    };
    expect(document.schema).toBe("dmalab.why/1");
    expect(document.findings[0]).toMatchObject({ line, cause: expect.any(String), evidence: expect.any(String) });
  });

  test("a whole log, as a file and from standard input", async () => {
    const log = "fixtures/swiotlb-full/dmesg.txt.gz";
    expect((await dmalab(["why", log, "--json"])).out).toMatch(/473 of 512/);
    expect((await dmalab(["why", "-", "--json"], { input: gunzipSync(readFileSync(log)) })).out).toMatch(/473 of 512/);
  });

  test("a setting in slots is told in bytes", async () => {
    expect((await dmalab(["why", "--swiotlb", "65536"])).out).toMatch(/128 MiB/);
    const both = await dmalab(["why", "--swiotlb", "65536", "--line", "x"]);
    expect(both.out).toMatch(/^Nothing here tells of trouble[\s\S]*128 MiB/);
  });

  test("the refusals of a recording", async () => {
    const { code, out } = await dmalab(["why", "--trace", first]);
    expect(code).toBe(1);
    expect(out).toMatch(/9 refused mappings/);
  });
});
