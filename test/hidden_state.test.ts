/** Hardware, and every file with a program, keep declared state and nothing else: see tools/hidden_state.ts. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { keptIn } from "../tools/hidden_state.js";

const scratch = "written before it is read, in one step";

/** What is kept all the same, each with its reason. */
const allowed: Readonly<Record<string, string>> = {
  "hw/device/disk.ts Disk.medium":
    "what is on a disk is bytes that programs look at as they stand: no choice reads it, and a universe has no disk",
  "hw/device/disk.ts Disk.#entry": scratch,
  "hw/device/disk.ts Disk.#block": scratch,
  "hw/device/disk.ts Disk.#bytes": scratch,
  "hw/device/nic.ts Nic.#fifo":
    "packets from the wire, of any length: who sends them is no part of a machine that is explored",
  "hw/device/nic.ts Nic.#words": scratch,
  "hw/device/nic.ts Nic.#packet": scratch,
  "hw/device/sector_port.ts SectorPort.#words": scratch,
  "hw/iommu/core/entry_cache.ts EntryCache.#entry": scratch,
  "hw/iommu/core/iotlb.ts Iotlb.#entry": scratch,
  "hw/iommu/core/table_cache.ts TableCache.#entry": scratch,
  "hw/iommu/core/entry_fetch.ts EntryFetch.#words": scratch,
  "hw/iommu/core/entry_fetch.ts EntryFetch.#piece": scratch,
  "hw/iommu/smmuv3/queue.ts pair": scratch,
  "hw/iommu/smmuv3/command_queue.ts SmmuCommandQueue.#words": scratch,
  "hw/iommu/smmuv3/smmu_root.ts SmmuRoots.#made": "of one look-up: compared with the registers before it is used",
  "hw/iommu/smmuv3/smmu_root.ts SmmuRoots.#now": scratch,
  "hw/iommu/smmuv3/smmu_root.ts SmmuRoots.#root":
    "registers as the tables' readers take them: made of declared state, and made again when that is another",
  "hw/iommu/amdvi/command_buffer.ts AmdviCommandBuffer.#words": scratch,
  "hw/iommu/amdvi/events.ts AmdviEvents.#words": scratch,
  "hw/iommu/amdvi/order.ts CommandOrder.#words": scratch,
  "hw/iommu/amdvi/amdvi_model.ts AmdviModel.#words": scratch,
  "hw/iommu/amdvi/amdvi_model.ts AmdviModel.#roots":
    "registers as the tables' readers take them: made of declared state, and made again when it is lost",
  "hw/iommu/vtd/faults.ts VtdFaults.#words": scratch,
  "hw/iommu/vtd/invalidation_queue.ts VtdInvalidationQueue.#words": scratch,
  "hw/iommu/vtd/vtd_model.ts VtdModel.#words": scratch,
  "hw/iommu/core/entry_view.ts EntryView.words": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.wordCount": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.wantedAt": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.wantedCount": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.entryCount": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.outsideAt": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.#at": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.#ends": "of one look-up: `begin` sets it",
  "hw/iommu/core/entry_view.ts EntryView.readPages": "says what is not remembered: it decides about time alone",
  "hw/iommu/core/known_lookups.ts KnownLookups.#known":
    "made of declared state alone, compared with all of it before it is used, and found again when it is lost",
  "hw/iommu/vtd/vtd_model.ts VtdModel.#roots":
    "registers as the tables' readers take them: made of declared state, and made again when it is lost",
};

/** Folders of software that keep more than they declare: they run, and are explored by being run again from the start. */
const undeclared: Readonly<Record<string, string>> = {
  "sw/dma":
    "what a driver told the API of its device, and whether something bounced: two cells, once an API is explored",
  "sw/dma/rules": "who watches, given by a run: nobody who acts reads it",
  "sw/driver": "queues hold closures of who asked: drivers and back ends are for runs",
  "sw/engine/grant": "devices that are disabled, by name",
  "sw/engine/kernel": "lines of a cache and pages of a kernel without a hypervisor: for runs",
  "sw/engine/parts": "zeros that nobody writes",
  "sw/engine/pool": "the CPU that maps, set by who runs",
  "sw/engine/translating": "pages that an exchange has moved",
  "sw/iommu/amdvi": "what a driver posted and gave out: for runs",
  "sw/iommu/domain": "how many addresses are mapped; what stands on addresses that are not declared",
  "sw/iommu/entry": "a plan of stores while it is made, in one call",
  "sw/iommu/iommufd": "what a program holds by its ids: for runs; the core beneath keeps its state declared",
  "sw/iommu/iova": "a kernel's addresses as it gives them: for runs and recordings, where nothing is taken back",
  "sw/iommu/nesting": "a guest's devices on its host, and tags: for runs, as the drivers beneath",
  "sw/iommu/smmuv3": "what a driver posted and gave out: for runs",
  "sw/iommu/unit_groups": "a unit's domain behind each number: for runs, as the drivers beneath",
  "sw/iommu/vtd": "what a driver posted and enabled: the programs of `sw/iommu/lifetime` keep theirs declared",
  "sw/swiotlb":
    "a pool's slots are declared; buffers behind bounces, pools that are added and the index of room are not",
  "sw/xen/grant":
    "operations are generators, whose locals nobody can copy: they become programs, and their table records",
  "sw/xen/guest": "kernels of guests: in a universe they are small programs that grant and revoke",
  "sw/xen/hypervisor": "tables of frames and grants, which become records with the operations; the gate watches",
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

test("software that keeps more than it declares is named by its folder, with the reason", () => {
  const keeping = files.filter((f) => /^sw\//.test(f) && keptIn(text(f)).length > 0).map((f) => posix.dirname(f));
  expect([...new Set(keeping)].sort()).toEqual(Object.keys(undeclared));
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
    [
      "class A { readonly #x = { n: 0 }; readonly y = { f() {}, g: () => 1 }; readonly z = { n: 0 } as const; }",
      ["A.#x"],
    ],
    [
      "class A { readonly #s = [0]; readonly l: readonly number[] = [0]; readonly r: Readonly<R> = { n: 0 }; }",
      ["A.#s"],
    ],
    ["class A { readonly #m = Uint8Array.of(1); readonly n = Uint8Array.from([1]); }", ["A.#m", "A.n"]],
    [
      "class A { readonly #m = new Array(3); readonly n = Array.from(b); readonly l = Array(3); }",
      ["A.#m", "A.n", "A.l"],
    ],
    ["class A { readonly f = Object.freeze({ n: 0 }); readonly l = [0] as readonly number[]; }", []],
    ["class A { readonly #x = { n: 0 } as Count; readonly #y = ({ n: 0 }) satisfies Count; }", ["A.#x", "A.#y"]],
    ["class A { readonly x; constructor(o?: X) { this.x = o ?? { n: 0 }; } }", ["A.x"]],
    ["class A { readonly x; constructor(o?: X) { if (o) this.x = [0]; else this.x = o; } }", ["A.x"]],
    ["const seen = { n: 0 }; const word = Uint32Array.of(0); const list = [1, 2];", ["seen", "word", "list"]],
    ["const list = [1, 2] as const; const names: Readonly<Record<string, number>> = { a: 1 };", []],
    ["const buffer = new Uint32Array(4); const names: ReadonlyMap<number, number> = new Map([[1, 2]]);", ["buffer"]],
    ["const names = new Map<number, number>();", ["names"]],
    ["function f() { let n = 0; return { step() { n += 1; } }; }", ["n outlives a call"]],
    ["function* f() { const n = g(); yield; h(n); }", ["f keeps its locals"]],
    ["class A { *f() { yield 1; } }", ["f keeps its locals"]],
    ["function f() { let n = 0; for (let i = 0; i < 3; i++) n += i; return n; }", []],
    ["function f() { const s = g(); return { step() { s.head = 1; } }; }", []],
  ])("%s", (text, expected) => {
    const kept = found(text);
    expect(kept.length).toBe(expected.length);
    for (const [n, e] of expected.entries()) expect(kept[n]).toContain(e);
  });
});
