/** Hardware, and every file with a program, keep declared state and nothing else: see tools/hidden_state.ts. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { keptIn } from "../tools/hidden_state.js";

/** What is kept all the same, each with its reason. */
const allowed: Readonly<Record<string, string>> = {
  "hw/device/disk.ts Disk.medium":
    "what is on a disk is as memory is: no choice reads it, and no part of a state could hold it",
  "hw/device/disk.ts Disk.#entry": "written before it is read, in one step",
  "hw/device/disk.ts Disk.#block": "written before it is read, in one step",
  "hw/device/disk.ts Disk.#bytes": "written before it is read, in one step",
  "hw/device/nic.ts Nic.#fifo": "packets of any length: a card is for runs, and is not explored",
  "hw/device/nic.ts Nic.#out": "packets of any length: a card is for runs, and is not explored",
  "hw/device/nic.ts Nic.#words": "written before it is read, in one step",
  "hw/device/sector_port.ts SectorPort.#words": "written before it is read, in one step",
};

const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
const text = (f: string) => readFileSync(`src/${f}`, "utf8");
const declared = files.filter((f) => /^hw\//.test(f) || /import [^;]*\bprogram\b[^;]*state\//.test(text(f)));

test("nothing is kept beside declared state, but for what is allowed with its reason", () => {
  const kept = declared.flatMap((f) => keptIn(text(f)).map((k) => `${f} ${k.name}`));
  expect(declared.length).toBeGreaterThan(3);
  expect(kept.filter((k) => allowed[k] === undefined)).toEqual([]);
  expect(Object.keys(allowed).filter((k) => !kept.includes(k))).toEqual([]);
});

describe("what is kept is found", () => {
  const found = (text: string) => keptIn(text).map((k) => `${k.name} ${k.why}`);

  test("in the toy unit that hides a counter", () => {
    expect(found(readFileSync("test/check/toy.ts", "utf8"))).toEqual(["flushes outlives a call"]);
  });

  test.each([
    ["class A { #n = 0; readonly b = 1; static readonly c = 2; }", ["A.#n may be assigned"]],
    ["class A { n!: number; get m() { return 1; } }", ["A.n may be assigned"]],
    ["class A { constructor(private n: number, readonly m: number) {} }", ["A.n may be assigned"]],
    ["class A { readonly #m = new Map<number, number>(); readonly l: number[] = []; }", ["A.#m", "A.l"]],
    ["class A { readonly w: Uint8Array; constructor(n: number) { this.w = new Uint8Array(n); } }", ["A.w"]],
    ["class A { readonly w: Uint8Array; constructor(w: Uint8Array) { this.w = w; } }", []],
    ["let n = 0; export const f = () => n++;", ["n outlives a call"]],
    ["const buffer = new Uint32Array(4); const names = new Map([[1, 2]]); const list = [1, 2];", ["buffer"]],
    ["function f() { let n = 0; return { step() { n += 1; } }; }", ["n outlives a call"]],
    ["function f() { let n = 0; for (let i = 0; i < 3; i++) n += i; return n; }", []],
    ["function f() { const s = g(); return { step() { s.head = 1; } }; }", []],
  ])("%s", (text, expected) => {
    const kept = found(text);
    expect(kept.length).toBe(expected.length);
    for (const [n, e] of expected.entries()) expect(kept[n]).toContain(e);
  });
});
