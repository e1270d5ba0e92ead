/** `inspect` answers what the command answers, in each form of an input, and can be watched and ended. */
import { describe, expect, test } from "vitest";
import { html } from "../../../src/doors/pages.js";
import { BadOption, type InspectDocument, type InspectOptions, inspect, Unreadable } from "../../../src/index.js";
import { dmalab } from "../../cli/called.js";
import { fixture, fixtureText } from "../../read/fixture.js";
import { undescribed } from "../../report/described.js";
import { forms } from "../inputs.js";

const name = "vtd-legacy-strict";
const image = fixture(`${name}/mem.elf.gz`);
const registers = fixtureText(`${name}/mem.registers.json`);

/** What the command prints, but for the sentence of where it found the registers. */
async function printed(file: string, ...args: readonly string[]) {
  const document = JSON.parse((await dmalab(["inspect", `fixtures/${file}`, ...args, "--json"])).out);
  document.source.notes = document.source.notes.filter((n: string) => !n.startsWith("registers were found beside it"));
  return document;
}

/** A document is JSON: nothing of it is lost or changed when it is written and read, as bigints and NaN would be. */
function isPlain(document: InspectDocument): void {
  expect(document).toStrictEqual(JSON.parse(JSON.stringify(document)));
  expect(undescribed(document)).toEqual([]);
}

describe("the document", () => {
  test.each<[InspectOptions, readonly string[]]>([
    [{ registers }, []],
    [{ registers: JSON.parse(registers) }, []],
    [{ registers, who: 0x5097010 }, ["--who", "0x5097010"]],
    [{ registers, who: "0x5097010" }, ["--who", "0x5097010"]],
    [{ registers, at: "00:03.0:0xfffc0123" }, ["--at", "00:03.0:0xfffc0123"]],
    [{ registers, device: "00:03.0" }, ["--device", "00:03.0"]],
    [{ scan: true }, ["--scan"]],
  ])("with %j is the command's", async (options, args) => {
    const document = await inspect(image, options);
    isPlain(document);
    expect(document).toEqual(await printed(`${name}/mem.elf.gz`, ...args));
  });

  test.each(["amdvi", "smmuv3", "vtd-ats", "vtd-scalable", "vtd-scalable-fs"])(
    "of %s is the command's",
    async (unit) => {
      const registers = fixture(`${unit}/mem.registers.json`);
      const document = await inspect(fixture(`${unit}/mem.elf.gz`), { registers });
      isPlain(document);
      expect(document).toEqual(await printed(`${unit}/mem.elf.gz`));
    },
  );

  test.each([
    ["x86-kdump", "vtd:0x1000000"],
    ["x86-makedumpfile-lzo-flattened", "vtd:0x1000000"],
    ["arm64-elf64", "smmuv3:0x45580000,16,8"],
  ])("of %s, whose form its content tells, is the command's", async (form, root) => {
    const file = `images/${form}.gz`;
    const document = await inspect(fixture(file), { roots: [root] });
    isPlain(document);
    expect(document).toEqual(await printed(file, "--root", root));
    await expect(inspect(fixture(file))).rejects.toThrow(
      /found none, and no registers \(the options registers and roots/,
    );
  });

  test("of two images tells what differs", async () => {
    const other = { image: fixture("vtd-ats/mem.elf.gz"), registers: fixtureText("vtd-ats/mem.registers.json") };
    const { diff } = await inspect(image, { registers, diff: other });
    const wanted = await printed(`${name}/mem.elf.gz`, "--diff", "fixtures/vtd-ats/mem.elf.gz");
    expect(diff!.changes).toEqual(wanted.diff.changes);
    expect((await inspect(image, { registers, diff: image })).diff!.changes).toEqual([]);
  });

  test("with a root given, of raw memory, and with what is on the bus", async () => {
    const root = (await inspect(image, { registers })).units[0]!.root;
    const given = await inspect(image, { roots: [`vtd:${root}`] });
    expect(given.units).toMatchObject([{ root, found: "given" }]);
    expect(given.devices.length).toBeGreaterThan(3);
    const raw = new Uint8Array(2 ** 20);
    await expect(inspect(raw, { raw: { base: 0x1000 } })).rejects.toThrow(/expected device tables of an IOMMU/);
    const pci = "00:03.0 Non-Volatile memory controller [0108]: QEMU NVM Express Controller [1b36:0010] (rev 02)\n";
    expect((await inspect(image, { registers, pci })).findings.length).toBeGreaterThan(0);
  });

  test.each(forms(image))("of %s", async (_, input) => {
    expect((await inspect(input, { registers })).units).toHaveLength(1);
  });

  test("carries what its page shows", async () => {
    const document = await inspect(image, { registers, name: "mem.elf.gz", page: true });
    const page = html(document);
    expect(page.length).toBeGreaterThan(100_000);
    expect(html(JSON.parse(JSON.stringify(document)) as typeof document)).toBe(page);
  });
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  ["a slip", () => inspect(image, { regs: 1 } as InspectOptions), /regs 1: there is name, progress, signal, registers/],
  ["half an address", () => inspect(image, { who: 2048.5 }), /who 2048\.5: a whole number from 0/],
  ["no number", () => inspect(image, { who: Number.NaN }), /who NaN: a whole number/],
  ["an address beyond memory", () => inspect(image, { who: 2 ** 60 }), /who 1152921504606847000/],
  ["one as text", () => inspect(image, { who: "0xfffffffffffff000" }), /a physical address has at most 52 bits/],
  ["no address", () => inspect(image, { who: "x" }), /^bad-option: who x: "x"; an address is hexadecimal/],
  ["no device", () => inspect(image, { device: "3" }), /^bad-option: device 3: "3"; a device is written 00:03\.0/],
  ["no device to walk from", () => inspect(image, { at: "zzz" }), /^bad-option: at zzz: "zzz"; a device is written/],
  ["no address to walk to", () => inspect(image, { at: "00:03.0" }), /^bad-option: at 00:03\.0: "00:03\.0" has no/],
  [
    "a device that no unit is behind",
    () => inspect(image, { registers, at: "\\_SB.ABC:0x1000" }),
    /^bad-option: at \\_SB\.ABC:0x1000: no unit has an entry for/,
  ],
  ["a word for yes", () => inspect(image, { page: "yes" as never }), /page yes: true or false was expected/],
  ["a number for yes", () => inspect(image, { scan: 1 as never }), /scan 1: true or false was expected/],
  ["a number for a name", () => inspect(image, { name: 5 as never }), /name 5: a text was expected/],
  ["one for the other's", () => inspect(image, { diff: { image, name: 5 as never } }), /diff\.name 5: a text was/],
  [
    "a device that is not there",
    () => inspect(image, { registers, device: "7f:03.0" }),
    /device 7f:03\.0: no unit has/,
  ],
  [
    "a segment that is not there",
    () => inspect(image, { registers, at: "0009:00:03.0:0" }),
    /no unit serves segment 0009/,
  ],
  ["a base inside a page", () => inspect(image, { raw: { base: 100 } }), /raw\.base 100: a multiple of 4096/],
  [
    "a size of half a page",
    () => inspect(image, { raw: { ramLow: 2048.5 } }),
    /raw\.ramLow 2048\.5: a multiple of 4096/,
  ],
  ["a number for a device", () => inspect(image, { device: 3 as never }), /device 3: a text was expected/],
  ["one root for a list", () => inspect(image, { roots: "vtd:0x1000" as never }), /roots vtd:0x1000: a list of roots/],
  ["no root", () => inspect(image, { roots: ["vtd"] }), /roots\.0 vtd: /],
  ["a table of unknown length", () => inspect(image, { roots: ["amdvi:0x1000"] }), /how long is the table/],
  [
    "an unknown option of the other",
    () => inspect(image, { diff: { image, pci: "" } as never }),
    /diff\.pci : there is image/,
  ],
])("%s is refused", async (_, call, message) => {
  const error: unknown = await call().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(BadOption);
  expect((error as Error).message).toMatch(message);
});

test("what is no image cannot be read", async () => {
  const trace = fixture("swiotlb-force/trace.txt.gz");
  await expect(inspect(trace)).rejects.toThrow(
    /^image: expected a memory image, found a recording \(ftrace text\): replay/,
  );
  await expect(inspect(image, { registers: "{" })).rejects.toThrow(Unreadable);
  await expect(inspect(7 as never)).rejects.toThrow(BadOption);
});
