/** One walk drawn: SVG is well formed and shows every entry, DOT is what Graphviz reads, and no text leaves its place. */
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parseDeviceAddress } from "../../../src/audit/inspect/device_name.js";
import type { WalkAnswer } from "../../../src/audit/inspect/walk/walk_answer.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { walkDot } from "../../../src/report/inspect/dot.js";
import { walkSvg } from "../../../src/report/inspect/svg.js";
import { walkPicture } from "../../../src/report/inspect/walk_boxes.js";
import { Mapper, NestedView, type TableRoot, type Trace, traceNested } from "../../../src/table/index.js";
import { inspected } from "../../audit/inspect/captured.js";
import { Arena, guestMemory, rootOf } from "../../table/machines.js";

const legacy = await inspected("vtd-legacy-strict");
const ats = await inspected("smmuv3");
const at = (from: typeof legacy, text: string): WalkAnswer => walkAnswer(from, parseDeviceAddress(text));
const walks: readonly (readonly [string, WalkAnswer])[] = [
  ["a page", at(legacy, "00:03.0:0xfffc0123")],
  ["a fault", at(legacy, "00:03.0:0x1000")],
  ["a device without an entry", at(legacy, "7f:03.0:0x1000")],
  ["an interrupt", at(legacy, "00:03.0:0xfee00000")],
  ["SMMUv3", at(ats, "00:03.0:0xfffff000")],
  ["SMMUv3, blocked", at(ats, "00:00.0:0xfffff000")],
];
const evil = `"];} <script>&amp;\u0000\u001b]]>\\N\\" digraph`;
const hostile: WalkAnswer = {
  ...walks[0]![1],
  steps: walks[0]![1].steps.map((s) => ({ ...s, name: evil, meaning: evil.repeat(20) })),
  end: { kind: "fault", fault: { code: 5, name: evil, words: evil, why: evil } },
};
const all = [...walks, ["hostile", hostile] as const];

const unescaped = (text: string): string =>
  text.replace(
    /&(lt|gt|quot|amp);/g,
    (_, name: "lt" | "gt" | "quot" | "amp") => ({ lt: "<", gt: ">", quot: '"', amp: "&" })[name],
  );
/** What readers see of an SVG. */
const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map((m) => unescaped(m[1]!));

/** Elements open and close in turn, attributes are quoted, and every ampersand is an entity. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  const rest = svg.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<]*")*)(\/?)>/g,
    (_, close, name, _attributes, empty) => {
      if (close === "/") expect(open.pop()).toBe(name);
      else if (empty !== "/") open.push(name);
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]/);
  expect(svg.replace(/&(lt|gt|amp|quot);/g, "")).not.toContain("&");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has none of them.
  expect(svg).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
}

describe.each(all)("%s", (_, walk) => {
  test("the SVG is well formed, carries nothing active, and stays inside its width", () => {
    const svg = walkSvg(walk);
    expectWellFormed(svg);
    expect(svg).not.toMatch(/<(script|image|foreignObject|a|use|style)\b|href|\son[a-z]+=/);
    for (const line of textsOf(svg)) expect(line.length).toBeLessThanOrEqual(104);
  });

  test("every entry, its address, its value and the end are on the picture", () => {
    const shown = textsOf(walkSvg(walk))
      .map((line) => line.trim())
      .join(" ");
    const { boxes, end } = walkPicture(walk);
    for (const { at, value } of boxes) for (const words of [at, value]) expect(shown).toContain(words);
    if (walk !== hostile) for (const line of end.lines) expect(shown).toContain(line);
  });

  test("the DOT text is a graph of as many nodes as entries, and two", () => {
    const { nodes, edges } = parseDot(walkDot(walk));
    expect(nodes.size).toBe(walk.steps.length + 2);
    expect(edges).toEqual([...nodes.keys()].slice(1).map((to, i) => [[...nodes.keys()][i], to]));
    const labels = [...nodes.values()];
    for (const [i, step] of walk.steps.entries()) expect(labels[i + 1]).toContain(`0x${step.at.toString(16)}`);
  });
});

test("the parts of the address are its bits, each with the entry that it chose", () => {
  const { parts, boxes } = walkPicture(at(legacy, "00:03.0:0xfffc0123"));
  expect(parts.map((p) => [p.bits, p.value])).toEqual([
    ["47:39", "0x0"],
    ["38:30", "0x3"],
    ["29:21", "0x1ff"],
    ["20:12", "0x1c0"],
    ["11:0", "0x123"],
  ]);
  expect(parts.map((p) => boxes[p.box]?.name)).toEqual(["SS-PML4E", "SS-PDPE", "SS-PDE", "SS-PTE", undefined]);
});

test("under nesting, an entry of the second stage names the address that chose it", () => {
  const arena = new Arena(600);
  const second = rootOf(arena, "vtd-ss", 2, 39);
  new Mapper(arena.tables, second, arena.allocate).map(0, 0x100000, 0x100000, 3);
  const first: TableRoot = { ...second, format: "vtd-fs", address: 0x10000, upper: "sign", level: 3, inputBits: 48 };
  let next = 0x11;
  const guest = new NestedView(arena.memory, second);
  const inGuest = new Mapper(
    guestMemory((m) => guest.frame(m as never)),
    first,
    (count) => (next += count) - count,
  );
  inGuest.map(0x7000_0000, 0x50000, 0x3000, 3);
  const walked = traceNested(arena.memory, { first, second }, 0x7000_1123, 0);
  const flat = (trace: Trace | null): WalkAnswer["steps"] =>
    trace === null ? [] : [...trace.steps.flatMap((s) => [...flat(s.through), s]), ...flat(trace.final)];
  const { boxes, parts } = walkPicture({ ...walks[0]![1], iova: 0x7000_1123n, steps: flat(walked) });
  expect(boxes).toHaveLength(4 + 3 * 5);
  expect(boxes[2]!.chosenBy).toBe("index 0x10 from bits 20:12 of 0x10000");
  expect(boxes[3]!.chosenBy).toBe("index 0x0 from bits 47:39");
  expect(boxes.at(-1)!.chosenBy).toBe("index 0x51 from bits 20:12 of 0x51123");
  expect(parts.map((p) => boxes[p.box]?.name)).toEqual(["FS-PML4E", "FS-PDPE", "FS-PDE", "FS-PTE", undefined]);
});

const graphviz = process.env["DOT"] ?? "dot";
const hasGraphviz = spawnSync(graphviz, ["-V"]).status === 0;
test.skipIf(!hasGraphviz).each(all)("Graphviz itself reads %s", (_, walk) => {
  const read = spawnSync(graphviz, ["-Tcanon"], { input: walkDot(walk), encoding: "utf8" });
  expect([read.status, read.stderr]).toEqual([0, ""]);
  expect(read.stdout.match(/->/g)).toHaveLength(walk.steps.length + 1);
});

/** Enough of the DOT language for what is written here. @throws when the text does not follow it */
function parseDot(text: string): { nodes: Map<string, string>; edges: string[][] } {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|->|[{}[\];,=]|[A-Za-z0-9_.]+|\S/g) ?? [];
  let next = 0;
  const take = (wanted?: string): string => {
    const token = tokens[next++];
    if (token === undefined || (wanted !== undefined && token !== wanted)) throw new Error(`${token} for ${wanted}`);
    return token;
  };
  const name = (): string => {
    const token = take();
    if (!/^(?:[A-Za-z0-9_.]+|".*")$/s.test(token)) throw new Error(`${token} is no name`);
    return token;
  };
  const attributes = (): Map<string, string> => {
    const found = new Map<string, string>();
    if (tokens[next] !== "[") return found;
    take("[");
    for (;;) {
      const key = name();
      take("=");
      found.set(key, name());
      if (take() === "]") return found;
      if (tokens[next - 1] !== ",") throw new Error(`${tokens[next - 1]} between attributes`);
    }
  };
  const nodes = new Map<string, string>();
  const edges: string[][] = [];
  take("digraph");
  name();
  take("{");
  while (tokens[next] !== "}") {
    const first = name();
    if (tokens[next] === "->") {
      take("->");
      edges.push([first, name()]);
      attributes();
    } else {
      const own = attributes();
      if (!["graph", "node", "edge"].includes(first)) nodes.set(first, own.get("label")!);
    }
    take(";");
  }
  take("}");
  if (next !== tokens.length) throw new Error(`${tokens[next]} after the end`);
  return { nodes, edges };
}
