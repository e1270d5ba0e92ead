/** What the functions refuse, and how they say it. */
import { expect, test } from "vitest";
import {
  BadOption,
  type Input,
  Misuse,
  type ReplayOptions,
  type RunMachineOptions,
  replay,
  runMachine,
  Unreadable,
  type WhyOptions,
  why,
} from "../../src/index.js";
import { fixture, fixtureText } from "../read/fixture.js";

/** The beginning of a recording. */
const trace = Buffer.from(fixtureText("swiotlb-force/trace.txt.gz").split("\n").slice(0, 1500).join("\n"));
const yaml = fixtureText("../machines/bare-metal.yaml");

/** Sizes that are none: each is refused wherever a number is taken. */
const noSizes: readonly unknown[] = [2048.5, Number.NaN, -1, Number.POSITIVE_INFINITY, 1e300, "4096", 4096n, null, {}];

const numbers: readonly (readonly [string, (n: never) => Promise<unknown>])[] = [
  ["swiotlb.slots", (slots) => replay(trace, { swiotlb: { slots } })],
  ["swiotlb.areas", (areas) => replay(trace, { swiotlb: { slots: 4096, areas } })],
  ["sizes.1", (n) => replay(trace, { sizes: [1024, n] })],
  ["cpus", (cpus) => why("swiotlb=512", { cpus })],
  ["memory", (memory) => why("swiotlb=512", { memory })],
  ["seed", (seed) => runMachine(yaml, { seed })],
  ["stepMax", (stepMax) => runMachine(yaml, { stepMax })],
];

test.each(numbers)("%s is a whole number within bounds", async (option, call) => {
  for (const given of noSizes) {
    const error: unknown = await call(given as never).catch((e: unknown) => e);
    expect(error, String(given)).toBeInstanceOf(BadOption);
    expect(error).toMatchObject({ option, given, code: "bad-option" });
    expect((error as BadOption).message).toMatch(/^bad-option: \S+ .*: a whole number from \d+ to \d+ was expected$/);
  }
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    "a slip",
    () => replay(trace, { lgo: "" } as ReplayOptions),
    /^bad-option: lgo : there is name, progress, signal, log, /,
  ],
  [
    "a slip within",
    () => replay(trace, { swiotlb: { slot: 1 } as never }),
    /swiotlb\.slot 1: there is slots, areas, force/,
  ],
  ["no object", () => why("swiotlb=1", 7 as WhyOptions), /options 7: an object was expected/],
  ["a list", () => runMachine(yaml, [] as RunMachineOptions), /options \[\]: an object was expected/],
  ["null", () => runMachine(yaml, null as never), /options null: an object was expected/],
  ["no function", () => why("x", { progress: 1 as never }), /progress 1: a function was expected/],
  ["no signal", () => why("x", { signal: {} as never }), /signal \{\}: an AbortSignal was expected/],
  ["no list of sizes", () => replay(trace, { sizes: "all" as never }), /sizes all: auto or a list of numbers/],
  ["a size below a slot set", () => replay(trace, { sizes: [64] }), /sizes\.0 64: a whole number from 128 to 4194304/],
  ["no input", () => replay(42 as never), /recording 42: bytes, a Blob or a ByteSource was expected/],
  [
    "a stranger's object",
    () => replay({ size: -1, read: () => 0, name: "" }),
    /bytes, a Blob or a ByteSource was expected/,
  ],
  ["a name that is none", () => why("swiotlb=1", { name: 5 as never }), /name 5: a text was expected/],
  ["a word for yes", () => replay(trace, { page: "yes" as never }), /page yes: true or false was expected/],
  ["a number for yes", () => replay(trace, { page: 1 as never }), /page 1: true or false was expected/],
  [
    "a word for force",
    () => replay(trace, { swiotlb: { slots: 128, force: "no" as never } }),
    /swiotlb\.force no: true or/,
  ],
  ["null for no", () => runMachine(yaml, { checks: null as never }), /checks null: true or false was expected/],
  ["a list for a trace", () => replay(trace, { perfetto: [] as never }), /perfetto \[\]: a function was expected/],
  ["no dump", () => replay(trace, { xen: { p2m: 1 as never } }), /xen\.p2m 1: bytes, a Blob/],
])("%s is refused as a bad option", async (_, call, message) => {
  const error: unknown = await call().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(BadOption);
  expect(error).toBeInstanceOf(Misuse);
  expect((error as Error).message).toMatch(message);
});

const image = fixture("vtd-ats/mem.elf.gz");
const log = fixture("swiotlb-full/dmesg.txt.gz");

test.each<[string, () => Promise<unknown>, string]>([
  ["nothing", () => replay(new Uint8Array(0)), "recording: expected something in it, found nothing"],
  [
    "an image",
    () => replay(image, { name: "mem.elf" }),
    "mem.elf: expected a recording, found an ELF core: inspect() says",
  ],
  ["a log", () => replay(log), "recording: expected a recording, found a kernel log: why() explains it"],
  [
    "a machine",
    () => replay(Buffer.from(yaml)),
    "recording: expected a recording, found a machine description: runMachine()",
  ],
  [
    "noise",
    () => replay(Buffer.from("noise")),
    "recording: expected trace.dat, ftrace text or perf script text, found",
  ],
  ["an image as a log", () => why(image), "log: expected a kernel log or a recording, found an ELF core"],
  [
    "a recording as its log",
    () => replay(trace, { log: trace }),
    "log: expected a kernel log, found a recording (ftrace",
  ],
  ["no machine", () => runMachine("cpus: two"), "machine: line 1"],
  ["an empty machine", () => runMachine(""), "machine: expected something in it, found nothing"],
  ["a number as a machine", () => runMachine("5"), "machine: line 1, column 1: expected a machine to be keys"],
  ["a text as its machine", () => replay(trace, { machine: "x" }), "machine: line 1, column 1: expected a machine to"],
  ["null as its machine", () => replay(trace, { machine: "null" }), "machine: line 1, column 1: expected a machine to"],
  ["an empty text as its machine", () => replay(trace, { machine: "" }), "machine: expected something in it, found"],
  [
    "an object with a mistake",
    () => runMachine({ devices: [{ bdf: "0000:00:03.0", mask: 99 }] }),
    "machine: devices[0].mask: expected a whole number from 1 to 64, found 99",
  ],
  [
    "an object with a key too many",
    () => runMachine({ devices: [{ bdf: "0000:00:03.0", masc: 32 } as never] }),
    "machine: devices[0].masc: expected one of the known keys (bdf, driver, mask, lines, minAlignMask, boundary, " +
      "coherent, ats, answers, untrusted, engine), found masc (did you mean mask?)",
  ],
  [
    "an object that contradicts itself",
    () => runMachine({ devices: [{ bdf: "0000:00:03.0" }, { bdf: "0000:00:03.0" }] }),
    "machine: devices[1].bdf: expected each device once",
  ],
  ["a machine that no recording follows", () => replay(trace, { machine: "arch: arm" }), "machine: line 1, column 7"],
  [
    "gzip data that is none",
    () => replay(Uint8Array.of(0x1f, 0x8b, 8, 0)),
    "recording: offset 0x0: expected gzip data",
  ],
])("%s cannot be read", async (_, call, message) => {
  const error: unknown = await call().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Unreadable);
  expect((error as Error).message.slice(0, message.length)).toBe(message);
});

test("a source that gives fewer bytes than it promised is read as far as it goes", async () => {
  const short = { name: "short", size: trace.length * 2, read: (at: number, into: Uint8Array) => copy(at, into) };
  const copy = (at: number, into: Uint8Array) => {
    const part = trace.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  };
  expect((await replay(short satisfies Input)).maps.total).toBe(576);
});

test("a damaged recording is read as far as it goes, and says so", async () => {
  const packed = Uint8Array.from((await import("node:zlib")).gzipSync(trace));
  const { source } = await replay(packed.subarray(0, packed.length - 2000));
  expect(source.warnings[0]!.what).toMatch(/gzip data is damaged or cut \(unexpected end of file\)/);
});
