/** The table of options, walked: what goes with an input does something there, what does not is refused and says where it would. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OptionRow, VerbRow } from "../../src/cli/options/option.js";
import { verbRows } from "../../src/cli/program.js";
import { long } from "../tier.js";
import { dmalab } from "./called.js";
import { type FakeMonitor, fakeMonitor } from "./inspect/fake_monitor.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-options-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(at(name), content);
  return at(name);
}

const small = (preset: string) =>
  readFileSync(`machines/${preset}.yaml`, "utf8").replace(/requests: \d+/g, "requests: 5");
const text = gunzipSync(readFileSync("fixtures/swiotlb-full/trace.txt.gz")).toString().split("\n");
const recording = file("recording.txt", text.slice(0, 250).join("\n"));
/** Up to where the first mapping failed. */
const refused = file("refused.txt", text.slice(0, 670).join("\n"));
const machine = file("machine.yaml", small("bare-metal"));
const translated = file("translated.yaml", small("vtd-strict"));
const image = file("image.elf", gunzipSync(readFileSync("fixtures/vtd-legacy-strict/mem.elf.gz")));
const log = "fixtures/swiotlb-full/dmesg.txt.gz";
const line = "nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)";
const raw = file("memory.raw", rawMemory());
const registers = "fixtures/vtd-legacy-strict/mem.registers.json";

/** The unit's registers where it does not translate. */
const off = readFileSync(registers, "utf8").replace("0xc400000000000000", "0x4400000000000000");

/** For each verb, arguments that give each form of input. */
const inputs: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  run: {
    recording: [recording],
    machine: [machine],
    driven: [machine, "--trace", recording],
    scenario: ["--scenario", "foreign-page"],
    bug: ["--bug", "test-then-free"],
    lifetime: ["--page-lifetime"],
    replaceTable: ["--replace-table", "--vendor", "amdvi"],
    replacement: ["--replace", "nested,nested"],
    list: ["--bugs"],
  },
  why: { log: [log], line: ["--line", line], setting: ["--swiotlb", "65536"], recording: ["--trace", refused] },
  inspect: {
    image: [image],
    raw: [raw, "--raw", "--root", "vtd:0x1000"],
    live: ["--qmp", at("socket"), "--ram", raw, "--root", "vtd:0x1000"],
  },
  check: {
    protocol: ["replace-vtd-context"],
    bug: ["replace-amd", "--bug", "passthrough-precedence"],
    list: ["--list"],
  },
};

/** Another input of the same form, for options that it lacks something for. */
const others: Readonly<Record<string, readonly string[]>> = {
  "run image": [translated],
  "run image-at": [translated],
  "run without": ["--replace", "bypass,s2", "--vendor", "smmuv3"],
};

/** Values that make a difference. */
const values: Readonly<Record<string, string>> = {
  "run dmesg": "fixtures/swiotlb-full/dmesg.txt.gz",
  "run p2m": "fixtures/xen-dom0-scatter/full.p2m.txt.gz",
  "run m2p": "fixtures/xen-domu-overlap/full.m2p.txt.gz",
  "run pool": "fixtures/xen-dom0-scatter/full.swiotlb.txt.gz",
  "run swiotlb": "4096,2,force",
  "run machine": file("pool.yaml", "swiotlb: { slots: 2048 }\n"),
  "run sizes": "1024",
  "run trace": recording,
  "run seed": "77",
  "run image-at": "100",
  "run replace": "ss,fs",
  "run vendor": "amdvi",
  "run fetch": "64",
  "run fetch-order": "any",
  "run without": "overrides",
  "run scenario": "straddle",
  "run bug": "test-then-free",
  "run scenario bug": "foreign-by-phys",
  "why line": line,
  "why swiotlb": "65536",
  "why trace": refused,
  "why cpus": "64",
  "why memory": "2MiB",
  "inspect registers": registers,
  "inspect root": "vtd:0x3a88000",
  "inspect pci": file("pci.txt", "00:0a.0 0108: 1b36:0010\n"),
  "inspect device": "00:03.0",
  "inspect who": "0x5097010",
  "inspect at": "00:03.0:0xfffc0123",
  "inspect diff": "fixtures/vtd-ats/mem.elf.gz",
  "inspect raw diff": raw,
  "inspect raw diff-registers": file("off.json", off),
  "inspect diff-registers": "fixtures/vtd-ats/mem.registers.json",
  "inspect base": "0x100000",
  "inspect ram-low": "4KiB",
  "inspect qmp": at("socket"),
  "inspect ram": raw,
  "check bug": "passthrough-precedence",
  "check universe": "writes=1",
  "check states": "3",
  "check memory": "1",
  "check seconds": "0.000001",
  color: "always",
};

/** Memory and nothing else: VT-d tables that map address 0 of 00:03.0 to 0x7000. Source: VT-d specification, 9.1, 9.3, 9.8. */
function rawMemory(): Uint8Array {
  const bytes = new Uint8Array(1 << 17);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number) => view.setUint32(at, value, true);
  put(0x1000, 0x2001);
  put(0x2000 + 0x18 * 16, 0x3001);
  put(0x2000 + 0x18 * 16 + 8, 0x0102);
  // 00:04.0 has tables of its own, which are empty.
  put(0x2000 + 0x20 * 16, 0x8001);
  put(0x2000 + 0x20 * 16 + 8, 0x0202);
  for (const table of [0x3000, 0x4000, 0x5000, 0x6000]) put(table, table + 0x1003);
  return bytes;
}

let outputs = 0;

/** The option as one would write it, its output somewhere in the folder. */
function written(verb: VerbRow, row: OptionRow, form = ""): { args: string[]; output: string | null } {
  if (row.value === null) return { args: [`--${row.name}`], output: null };
  const names = [`${verb.name} ${form} ${row.name}`, `${verb.name} ${row.name}`, row.name];
  const given = names.map((name) => values[name]).find((value) => value !== undefined);
  const output = given === undefined ? at(`output-${outputs++}`) : null;
  return { args: [`--${row.name}`, given ?? output!], output };
}

/** What an option needs beside it, where the input does not have it already. */
function needed(verb: VerbRow, row: OptionRow, input: readonly string[], form: string): string[] {
  if (row.needs === undefined || input.includes(`--${row.needs.option}`)) return [];
  return written(verb, verb.options.find((r) => r.name === row.needs!.option)!, form).args;
}

let monitor: FakeMonitor;
beforeAll(async () => {
  monitor = await fakeMonitor(at("socket"), raw);
});
afterAll(() => monitor.close());

const isNamed = (input: readonly string[], row: OptionRow) => input.includes(`--${row.name}`);

for (const verb of verbRows) {
  describe(verb.name, () => {
    test("has an input of every form here", () => {
      expect(Object.keys(inputs[verb.name]!)).toEqual(Object.keys(verb.forms));
    });

    for (const [form, input] of Object.entries(inputs[verb.name]!)) {
      // What `why` is asked about may stand side by side.
      const joins = (row: OptionRow) => verb.name === "why" && row.makes !== undefined;
      const useless = verb.options.filter((row) => !row.forms.includes(form) && !joins(row));
      test.each(useless.map((row) => [row.name, row] as const))(`${form}: --%s is refused`, async (_, row) => {
        const { args, output } = written(verb, row);
        const { code, out, err } = await dmalab([verb.name, ...input, ...needed(verb, row, input, form), ...args]);
        expect([code, out]).toEqual([2, ""]);
        expect(err.trimEnd().split("\n")).toHaveLength(1);
        expect(err).toMatch(
          new RegExp(`--${row.name}|--${row.needs?.option}|machine of its own|an image or a live guest|does not show`),
        );
        if (output !== null) expect(existsSync(output)).toBe(false);
      });

      const useful = verb.options.filter((row) => (row.forms.includes(form) || joins(row)) && !isNamed(input, row));
      // The comparison of policies takes its time, each time.
      test.skipIf(form === "lifetime" && !long)(`${form}: every other option makes a difference`, async () => {
        const plain = await dmalab([verb.name, ...input]);
        expect(plain.code, plain.err).not.toBe(2);
        for (const row of useful) {
          const own = others[`${verb.name} ${row.name}`] ?? input;
          const beside = needed(verb, row, own, form);
          const before = beside.length === 0 ? plain : await dmalab([verb.name, ...own, ...beside]);
          const { args, output } = written(verb, row, form);
          const after = await dmalab([verb.name, ...own, ...beside, ...args]);
          expect([row.name, after.code, after.err]).toEqual([row.name, after.code === 1 ? 1 : 0, ""]);
          if (output === null) expect(after.out, `--${row.name}`).not.toBe(before.out);
          else expect(readFileSync(output).length, `--${row.name}`).toBeGreaterThan(100);
        }
      });
    }

    const single = verb.options.filter((row) => row.value !== null && row.many !== true);
    test.each(single.map((row) => [row.name, row] as const))("--%s cannot be given twice", async (_, row) => {
      const { args } = written(verb, row);
      const { code, err } = await dmalab([verb.name, ...args, ...args]);
      expect([code, err]).toEqual([2, expect.stringMatching(`--${row.name} .*given before`)]);
    });
  });
}
