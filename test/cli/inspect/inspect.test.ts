/** `dmalab inspect` as its users call it: what it prints, its exit codes, one clear line for bad input. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { captures, registersText, truthOf } from "../../audit/inspect/captured.js";
import { dmalab } from "../called.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-inspect-"));
afterAll(() => rmSync(folder, { recursive: true }));

const inspect = (...args: readonly string[]) => dmalab(["inspect", ...args]);

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const image = (name: string) => `fixtures/${name}/mem.elf.gz`;
const registers = (name: string) => `fixtures/${name}/mem.registers.json`;
const legacy = image("vtd-legacy-strict");

describe.each(captures)("%s", (name) => {
  test("prints what it always printed", async () => {
    const { code, out, err } = await inspect(image(name));
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).not.toContain("\u001b");
    await expect(out).toMatchFileSnapshot(`golden/inspect-${name}.txt`);
  });

  test("the document has every leaf of the truth", async () => {
    const doc = JSON.parse((await inspect(image(name), "--json")).out) as { devices: { leaves: number }[] };
    expect(doc.devices.reduce((sum, d) => sum + d.leaves, 0)).toBe(truthOf(name).mappings.length);
  });
});

test("registers that are given, found beside the image, or done without lead to the same mappings", async () => {
  const alone = file("alone.elf", gunzipSync(readFileSync(legacy)));
  const given = await inspect(alone, "--registers", registers("vtd-legacy-strict"), "--json");
  const scanned = await inspect(alone, "--json");
  const [told, doc, beside] = [given, scanned, await inspect(legacy, "--json")].map(({ code, err, out }) => {
    expect([code, err]).toEqual([0, ""]);
    return JSON.parse(out);
  });
  expect({ ...told, source: null }).toEqual({ ...beside, source: null });
  expect(doc.units).toMatchObject([{ kind: "vtd", root: told.units[0].root, found: "scan" }]);
  expect(doc.mappings).toEqual(told.mappings);
  expect(doc.source.notes[0]).toMatch(/no registers were given: the tables were found by their form/);
  expect(beside.source.notes[0]).toMatch(/registers were found beside it: .*mem\.registers\.json/);
});

describe("questions", () => {
  test("who reaches an address", async () => {
    const { code, out } = await inspect(legacy, "--who", "0x5097010");
    expect(code).toBe(0);
    expect(out).toMatch(/^0x5097010 is reached in 1 way .*\n {2}0000:00:03\.0 {2}rw {2}iova 0xfffc0010\n/);
    expect((await inspect(legacy, "--who", "0xfee01000")).out).toMatch(/^Nobody reaches .*\n.*is an interrupt/);
    expect((await inspect(legacy, "--who", "0xfed00000")).out).toMatch(/^Nobody reaches .* \(a timer block \(HPET\)/);
    expect((await inspect(image("smmuv3"), "--who", "0xfee01000")).out).not.toMatch(/interrupt and/);
  });

  test("where an address leads, entry by entry", async () => {
    const { code, out } = await inspect(legacy, "--at", "00:03.0:0xfffc0123");
    expect(code).toBe(0);
    await expect(out).toMatchFileSnapshot("golden/inspect-at.txt");
  });

  test("the walk as a picture and for Graphviz", async () => {
    const [svg, dot] = [join(folder, "walk.svg"), join(folder, "walk.dot")];
    expect((await inspect(legacy, "--at", "00:03.0:0xfffc0123", "--svg", svg, "--dot", dot)).code).toBe(0);
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg.*0x5097123.*<\/svg>\n?$/s);
    expect(readFileSync(dot, "utf8")).toMatch(/^digraph.*0x5097123/s);
  });

  test("a page to look at", async () => {
    const html = join(folder, "reach.html");
    const { code, out } = await inspect(legacy, "--html", html);
    expect([code, out.includes(`report: ${html}`)]).toEqual([0, true]);
    expect(readFileSync(html, "utf8")).toMatch(/^<!doctype html>.*9 devices are confined.*<\/html>\n$/s);
    expect(JSON.parse((await inspect(legacy, "--html", html, "--json")).out)).toMatchObject({
      schema: "dmalab.inspect/1",
    });
    const lost = await inspect(legacy, "--html", join(folder, "no/such/reach.html"));
    expect([lost.code, lost.out]).toEqual([2, ""]);
    expect(lost.err).toMatch(/^dmalab: --html .*found no folder .*no\/such\n$/);
  });

  test("an address that faults is code 1, with the unit's reason", async () => {
    const { code, out } = await inspect(legacy, "--at", "0000:00:03.0:0x1000");
    expect(code).toBe(1);
    expect(out).toMatch(/✗ fault reason 0x6 \(code 6\): no entry on the way to the page allows reading/);
    const refused = await inspect(legacy, "--at", "05:00.0:0x1000");
    expect(refused.code).toBe(1);
    expect(refused.out).toMatch(/fault reason 0x1 \(code 1\): the root table has no present entry/);
  });

  test("a device of a segment that no unit serves, and registers of no other image, are asked wrongly", async () => {
    const at = await inspect(legacy, "--at", "0001:00:03.0:0x1000");
    expect([at.code, at.out]).toEqual([2, ""]);
    expect(at.err).toBe("dmalab: --at 0001:00:03.0:0x1000: no unit serves segment 0001\n");
    const diff = await inspect(legacy, "--diff-registers", registers("vtd-ats"));
    expect([diff.code, diff.out]).toEqual([2, ""]);
    expect(diff.err).toMatch(/^dmalab: --diff-registers .*--diff FILE\n$/);
  });

  test("an image differs from another, and not from itself", async () => {
    const other = await inspect(legacy, "--diff", image("vtd-ats"), "--json");
    const { diff } = JSON.parse(other.out) as { diff: { same: number; changes: { bdf: string; lost: object[] }[] } };
    expect([other.code, diff.same]).toEqual([1, 3]);
    expect(diff.changes.map((c) => c.bdf)).toContain("0000:01:00.0");
    const one = await inspect(legacy, "--diff", image("vtd-ats"), "--device", "00:03.0");
    expect(one.out).toMatch(/^1 change to .*, 0 devices the same\n {2}0000:00:03\.0 /);
    const cut = file("cut.elf", gunzipSync(readFileSync(legacy)).subarray(0, 1000));
    const torn = await inspect(legacy, "--diff", cut, "--diff-registers", registers("vtd-legacy-strict"));
    expect(torn.code).toBe(1);
    expect(torn.out).toMatch(/cut\.elf\n⚠ Not shown to be safe, for 2 reasons: nothing is known of unit 0\.\n/);
    const same = await inspect(legacy, "--diff", legacy, "--diff-registers", registers("vtd-legacy-strict"));
    expect(same.code).toBe(0);
    expect(same.out).toMatch(/^Nothing differs from .*\(9 devices compared\)/);
  });

  test("one device with all of its mappings", async () => {
    const { out } = await inspect(legacy, "--device", "00:04.0");
    expect(out.match(/^ {2}0000:00:04\.0 +0x/gm)).toHaveLength(231);
    expect(out).not.toMatch(/0000:00:03\.0/);
  });

  test("roots that are given need no registers", async () => {
    const alone = file("given.elf", gunzipSync(readFileSync(legacy)));
    const { code, out } = await inspect(alone, "--root", "vtd:0x3a88000", "--json");
    expect(code).toBe(0);
    const [doc, told] = [out, (await inspect(legacy, "--json")).out].map((text) => JSON.parse(text));
    expect(doc.units).toMatchObject([{ found: "given", translating: null }]);
    expect(doc.mappings).toEqual(told.mappings);
  });

  test("the bus tells entries of nobody, and devices that have none", async () => {
    const bus = file("pci.txt", "00:03.0 0200: 8086:10d3\n00:0a.0 0108: 1b36:0010\n");
    const { findings } = JSON.parse((await inspect(legacy, "--pci", bus, "--json")).out) as {
      findings: { rule: string; weight: string; where: string }[];
    };
    const where = (rule: string) => findings.find((f) => f.rule === rule)?.where;
    expect(where("no-entry")).toBe("0000:00:0a.0 (1b36:0010)");
    expect(where("stale-entry")).toMatch(/^0000:00:00\.0, 0000:00:01\.0.*and 2 more$/);
  });

  test("a unit that is off is trouble, and its devices reach everything", async () => {
    const off = registersText("vtd-legacy-strict").replace("0xc400000000000000", "0x4400000000000000");
    const { code, out } = await inspect(legacy, "--registers", file("off.json", off));
    expect(code).toBe(1);
    expect(out).toMatch(/^✗ 1 trouble: 9 devices reach all of memory, what is behind a unit that is off/);
    expect(out).toMatch(/unit 0 does not translate: its tables are without effect/);
    const { out: who } = await inspect(legacy, "--registers", file("off.json", off), "--who", "0x123456789");
    expect(who).toMatch(
      /is reached in at least 9 ways.*\n {2}0000:00:00\.0 {2}rw {2}as it is \(bypass: reaches everything\)/,
    );
  });
});

describe("three verdicts", () => {
  /** The bundled machine, had its unit remapped interrupts: by a page of zeros that the image holds. */
  const remapping = () => {
    const on = registersText("vtd-legacy-strict").replace("0xc400000000000000", "0xc600000000000000");
    return file("remap.json", on.replace(/("0xfed900b8": )"0x0+"/, '$1"0x0000000003a8e000"'));
  };
  const verdict = async (...args: string[]) => {
    const { code, out } = await inspect(...args, "--json");
    const { code: strict } = await inspect(...args, "--strict");
    return [(JSON.parse(out) as { verdict: { level: string } }).verdict.level, code, strict];
  };

  test("as registers say, as a scan finds, as a unit that is off", async () => {
    const alone = file("scanned.elf", gunzipSync(readFileSync(legacy)));
    const off = file(
      "off2.json",
      registersText("vtd-legacy-strict").replace("0xc400000000000000", "0x4400000000000000"),
    );
    expect(await verdict(legacy, "--registers", remapping())).toEqual(["shown", 0, 0]);
    expect(await verdict(legacy)).toEqual(["unproven", 0, 1]);
    expect(await verdict(alone)).toEqual(["unproven", 0, 1]);
    expect(await verdict(legacy, "--registers", off)).toEqual(["trouble", 1, 1]);
    expect(await verdict(image("vtd-ats"), "--device", "01:00.0")).toEqual(["unproven", 0, 1]);
  });

  test("signs, and the same words on the page", async () => {
    const html = join(folder, "verdict.html");
    const shown = await inspect(legacy, "--registers", remapping(), "--html", html);
    expect(shown.out).toMatch(/^✓ 9 devices are confined to 18\.3 MiB of addresses/);
    expect(readFileSync(html, "utf8")).toMatch(
      /"level":"shown","words":"9 devices are confined to 18\.3 MiB of addresses/,
    );
    expect((await inspect(legacy)).out).toMatch(/^⚠ Not shown to be safe, for 1 reason: 9 devices/);
    expect((await inspect(legacy, "--strict")).out).toMatch(/^✗ Not shown to be safe, for 1 reason: 9 devices/);
  });

  test("a core that was cut short lacks tables: no trouble, and not shown", async () => {
    const whole = gunzipSync(readFileSync(legacy));
    const cut = file("short.elf", whole.subarray(0, whole.length - 3 * 4096));
    const { code, out } = await inspect(cut, "--registers", remapping());
    expect([code, out.slice(0, 1)]).toEqual([0, "⚠"]);
    expect(out).toMatch(/⚠ an entry points outside the memory of the image/);
    expect((await inspect(cut, "--registers", remapping(), "--strict")).code).toBe(1);
  });
});

describe("bad input is one clear line and code 2", () => {
  const bytes = gunzipSync(readFileSync(legacy));
  const noTables = bytes.slice();
  noTables.fill(0, 0x1000);
  const raw = file("raw.bin", new Uint8Array(8192).fill(1));
  const asked: readonly (readonly [what: string, args: readonly string[], says: RegExp])[] = [
    ["nothing", [], /what is to be inspected\? Give an image, or --qmp SOCKET --ram FILE/],
    ["no such file", [join(folder, "none")], /none: expected a readable file, found nothing at that path/],
    [
      "a recording",
      ["fixtures/swiotlb-full/trace.txt.gz"],
      /trace\.txt\.gz is a recording \(ftrace text\): dmalab run .*trace\.txt\.gz replays it/,
    ],
    ["an image without tables", [file("empty.elf", noTables)], /expected device tables of an IOMMU.*found none/],
    [
      "registers of another kind",
      [legacy, "--registers", file("a.json", '{"kind":"gart","registers":{}}')],
      /a\.json.*one of vtd, amdvi, smmuv3/,
    ],
    ["registers that are none", [legacy, "--registers", legacy], /mem\.elf\.gz.*JSON with "kind" and "registers"/],
    [
      "no such registers file",
      [legacy, "--registers", join(folder, "none.json")],
      /none\.json: expected a readable file/,
    ],
    ["a device that is none", [legacy, "--device", "nvme0"], /device: "nvme0"; a device is written/],
    ["a device without entry", [legacy, "--device", "09:00.0"], /--device 09:00\.0: no unit has an entry for it/],
    ["an address that is none", [legacy, "--who", "here"], /address: "here"; an address is hexadecimal/],
    ["an address that no memory has", [legacy, "--who", "0xffffffffffff0000"], /at most 52 bits/],
    ["a place without address", [legacy, "--at", "00:03.0"], /device: /],
    ["a picture of nothing", [legacy, "--svg", join(folder, "x.svg")], /--svg is of use only with --at/],
    ["a root of no kind", [legacy, "--root", "gart:0x1000"], /--root "gart:0x1000" names no kind of unit/],
    [
      "a table without its length",
      [legacy, "--root", "amdvi:0x1e84000"],
      /how long is the table\? Give amdvi:ADDRESS,BYTES/,
    ],
    ["a table that ends nowhere", [legacy, "--root", "amdvi:0xffffffffff000,0x2000"], /ends beyond the last address/],
    ["a root that no memory has", [legacy, "--root", "vtd:0x10000000000000"], /is no number|at most 52 bits/],
    ["two addresses", [legacy, "--who", "0x1000-0x2000"], /--who 0x1000-0x2000: one address at a time; --json lists/],
    ["two devices", [legacy, "--device", "00:03.0", "--device", "00:04.0"], /'--device <BDF>'.*given before: once/],
    ["a base for a core", [legacy, "--base", "0x1000"], /--base goes with a raw image \(--raw\); .*\(ELF core, /],
    ["a base within a page", [raw, "--raw", "--base", "0x1001"], /--base.*where a page begins, a multiple of 0x1000/],
    ["a base without room", [raw, "--raw", "--base", "0xffffffffff000"], /bad-layout: 8192 bytes .*ends at 2\^52/],
    ["a part of a page", [raw, "--raw", "--ram-low", "1000"], /--ram-low.*multiple of 4 KiB/],
    [
      "an empty image",
      [file("nothing.elf", "")],
      /nothing\.elf: expected a file with something in it, found an empty file/,
    ],
    ["a folder", [folder], /expected a file, found a directory/],
    ["registers that are a folder", [legacy, "--registers", folder], /expected a file, found a directory/],
    ["a bus without devices", [legacy, "--pci", file("no.txt", "hello\n")], /no\.txt.*devices as `info pci`/],
    ["half a live guest", ["--qmp", "socket"], /takes both: --qmp SOCKET --ram FILE/],
    ["an image and a live guest", [legacy, "--qmp", "a", "--ram", "b"], /an image or a live guest, not both/],
    [
      "nobody at the socket",
      ["--qmp", join(folder, "s"), "--ram", legacy],
      /expected a QMP socket.*nothing at that path/,
    ],
  ];
  test.each(asked)("%s", async (_, args, says) => {
    const { code, out, err } = await inspect(...args);
    expect(err).toMatch(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(err).not.toMatch(/\bat .*\(.*:\d+:\d+\)|bug in dmalab/);
    expect(out).toBe("");
    expect(code).toBe(2);
  });
});

test("help tells what there is, with examples", async () => {
  const { code, out } = await inspect("--help");
  expect(code).toBe(0);
  expect(out).toMatch(/--who 0x44e9000/);
  expect(out).toMatch(/vtd-scalable:ADDRESS/);
});
