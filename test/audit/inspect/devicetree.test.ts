/** Device trees: what of an Arm machine is no memory, and trees that are damaged. */
import { describe, expect, test } from "vitest";
import { nodesOf, treeIn } from "../../../src/audit/inspect/devicetree/blob.js";
import { placesOfTree } from "../../../src/audit/inspect/devicetree/places.js";
import { inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { Survey } from "../../../src/audit/inspect/survey/survey.js";
import { StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import { Built, unit } from "../../table/device/built.js";
import { framesFrom, imageOf, mapAll } from "./built_image.js";

type Property = readonly [name: string, value: string | readonly number[]];
interface Node {
  readonly name: string;
  readonly properties: readonly Property[];
  readonly nodes?: readonly Node[];
}

/** A blob of the tree. Texts end with a zero byte; numbers are cells of 32 bits. */
function blobOf(root: Node): Uint8Array {
  const names: string[] = [];
  const out: number[] = [];
  const word = (n: number) => out.push(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
  const bytes = (list: readonly number[]) => {
    out.push(...list);
    while (out.length % 4 !== 0) out.push(0);
  };
  const text = (t: string) => [...new TextEncoder().encode(`${t}\0`)];
  const put = ({ name, properties, nodes = [] }: Node) => {
    word(1);
    bytes(text(name));
    for (const [key, value] of properties) {
      const raw =
        typeof value === "string" ? text(value) : value.flatMap((n) => [24, 16, 8, 0].map((s) => (n >>> s) & 255));
      if (!names.includes(key)) names.push(key);
      word(3);
      word(raw.length);
      word(names.slice(0, names.indexOf(key)).reduce((sum, n) => sum + n.length + 1, 0));
      bytes(raw);
    }
    word(4);
    for (const node of nodes) put(node);
    word(2);
  };
  put(root);
  word(9);
  const structure = out.splice(0);
  const strings = names.flatMap(text);
  for (const n of [0xd00dfeed, 40 + structure.length + strings.length, 40, 40 + structure.length, 0, 17, 16, 0, 0, 0])
    word(n);
  return Uint8Array.from([...out, ...structure, ...strings]);
}

const cells: readonly Property[] = [
  ["#address-cells", [2]],
  ["#size-cells", [2]],
];
const its = {
  name: "msi-controller@8080000",
  properties: [
    ["compatible", "arm,gic-v3-its"],
    ["reg", [0, 0x8080000, 0, 0x20000]],
  ],
} as const;
const tree = (...bus: Property[]): Node => ({
  name: "",
  properties: cells,
  nodes: [
    { name: "memory@40000000", properties: [["reg", [0, 0x40000000, 0, 0x10000000]]] },
    {
      name: "intc@8000000",
      properties: [
        ...cells,
        ["compatible", "arm,gic-v3"],
        ["reg", [0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000]],
        ...bus,
      ],
      nodes: [its],
    },
    {
      name: "smmuv3@9050000",
      properties: [
        ["compatible", "arm,smmu-v3"],
        ["reg", [0, 0x9050000, 0, 0x20000]],
      ],
    },
    {
      name: "pcie@10000000",
      properties: [
        ["compatible", "pci-host-ecam-generic"],
        ["reg", [0x40, 0x10000000, 0, 0x10000000]],
      ],
    },
  ],
});
const spread = (blob: Uint8Array) =>
  placesOfTree(nodesOf(blob) ?? []).map(({ kind, from, to }) => `${kind} ${from.toString(16)}-${to.toString(16)}`);

describe("a tree", () => {
  const all = [
    "interrupts 8000000-8010000",
    "interrupts 80a0000-9000000",
    "translated interrupts 8080000-80a0000",
    "unit 9050000-9070000",
    "configuration 4010000000-4020000000",
  ];
  test("says what is no memory", () => {
    expect(spread(blobOf(tree(["ranges", []])))).toEqual(all);
  });

  test("addresses below a bus that translates, or maps none, are not the processor's", () => {
    const without = all.filter((line) => !line.startsWith("translated"));
    expect(spread(blobOf(tree()))).toEqual(without);
    expect(spread(blobOf(tree(["ranges", [0, 0, 0, 0x40000000, 0, 0x1000]])))).toEqual(without);
  });

  test("that is damaged is none, and never ends in an error", () => {
    const whole = blobOf(tree(["ranges", []]));
    expect(nodesOf(whole.subarray(0, 200))).toBeNull();
    expect(nodesOf(new Uint8Array(64))).toBeNull();
    for (let at = 0; at < whole.length; at++) {
      const hurt = whole.slice();
      hurt[at] = hurt[at]! ^ 0xff;
      const nodes = nodesOf(hurt);
      if (nodes !== null) placesOfTree(nodes);
    }
  });
});

describe("SMMUv3: the doorbell of interrupts that a device maps", () => {
  const look = (withTree: boolean) => {
    const built = new Built().put(0x1000 + 0x18 * 64, StreamEntry, {
      ...{ v: 1, config: 6, s2Aa64: 1, s2T0sz: 24, s2Sl0: 1, s2Ps: 5, s2Affd: 1, s2Ttb: 0x10000 / 16, s2Vmid: 4 },
    });
    const root = {
      format: "smmu-s2-4k",
      address: 0x10000,
      level: 2,
      inputBits: 40,
      upper: "zero",
      outputBits: 48,
      allow: 3,
    };
    mapAll(built.memory, root as never, framesFrom(built.memory, 0x100), [
      ...Array.from({ length: 30 }, (_, n): [number, number, number] => [n * 0x2000, 0x400000 + n * 0x3000, 0x1000]),
      [0xffff_f000, 0x8090000, 0x1000],
    ]);
    if (withTree) built.memory.write(0x800000, blobOf(tree(["ranges", []])));
    const smmu = unit("smmuv3", "linear", { translating: true, size: 6, registersAt: 0x9050000 });
    const image = imageOf(built.memory, "aarch64");
    const { trees } = new Survey(image, { names: false }).found();
    expect(treeIn(image, trees) !== null).toBe(withTree);
    return inspectImage({ file: "built", image, units: [smmu], notes: [] }).inspection.findings;
  };

  test("is told apart from an unknown place by the tree", () => {
    const weights = (withTree: boolean) =>
      look(withTree).flatMap(({ rule, weight }) =>
        ["not-memory", "outside-memory"].includes(rule) ? [`${rule} ${weight}`] : [],
      );
    expect(weights(false)).toEqual(["outside-memory unproven"]);
    expect(weights(true)).toEqual(["not-memory note"]);
  });
});
