/** Firmware tables byte by byte: DMAR, IVRS, IORT, MCFG, put into a memory. */
import type { Memory } from "../../../src/mem/index.js";

/** A number of one byte, [value, bytes], letters, or bytes that stand already. */
export type Part = number | readonly [value: number, bytes: number] | string | Uint8Array;

export function bytesOf(...parts: readonly Part[]): Uint8Array {
  const out: number[] = [];
  for (const p of parts) {
    if (typeof p === "string") out.push(...new TextEncoder().encode(p));
    else if (p instanceof Uint8Array) out.push(...p);
    else {
      const [value, count] = typeof p === "number" ? [p, 1] : p;
      for (let n = 0; n < count; n++) out.push(Math.floor(value / 2 ** (8 * n)) % 256);
    }
  }
  return Uint8Array.from(out);
}

export function tableOf(signature: string, revision: number, ...parts: readonly Part[]): Uint8Array {
  const body = bytesOf(...parts);
  const head = bytesOf(signature, [36 + body.length, 4], revision, 0, "TESTER", "TESTTABL", [1, 4], "TEST", [1, 4]);
  const whole = bytesOf(head, body);
  whole[9] = (256 - (whole.reduce((s, b) => s + b, 0) & 255)) & 255;
  return whole;
}

/** Put tables where a search by their signatures finds them, from 0x3f0000 on. */
export function putTables(memory: Memory, ...tables: readonly Uint8Array[]): void {
  let at = 0x3f0000;
  for (const t of tables) {
    memory.write(at, t);
    at += (t.length + 15) & ~15;
  }
}

const requester = (name: string) => {
  const [, bus, device, fn] = /^(..):(..)\.(.)$/.exec(name)!;
  return (Number.parseInt(bus!, 16) << 8) | (Number.parseInt(device!, 16) << 3) | Number(fn);
};
export const id = requester;

/** A device scope: `20:00.0`, `00:1c.7 02.1` for a path. */
export function scope(type: number, path: string): Uint8Array {
  const [first = "", ...more] = path.split(" ");
  const pairs = [first.slice(3), ...more].flatMap((p) => [Number.parseInt(p.slice(0, 2), 16), Number(p[3])]);
  return bytesOf(type, 6 + pairs.length, 0, 0, 0, Number.parseInt(first.slice(0, 2), 16), Uint8Array.from(pairs));
}
export const endpoint = (path: string) => scope(1, path);
export const bridge = (path: string) => scope(2, path);

function structure(type: number, ...parts: readonly Part[]): Uint8Array {
  const body = bytesOf(...parts);
  return bytesOf([type, 2], [body.length + 4, 2], body);
}

interface Drhd {
  readonly all?: boolean;
  readonly segment?: number;
  readonly scopes?: readonly Uint8Array[];
}
export const drhd = (at: number, { all = false, segment = 0, scopes = [] }: Drhd = {}): Uint8Array =>
  structure(0, all ? 1 : 0, 0, [segment, 2], [at, 8], ...scopes);
export const rmrr = (first: number, last: number, segment: number, ...scopes: readonly Uint8Array[]): Uint8Array =>
  structure(1, 0, 0, [segment, 2], [first, 8], [last, 8], ...scopes);
export const atsr = (segment: number, ...scopes: readonly Uint8Array[]): Uint8Array =>
  structure(2, 0, 0, [segment, 2], ...scopes);

export const andd = (device: number, name: string): Uint8Array => structure(4, [0, 3], device, name, 0);
/** A scope for what ACPI calls `number`, which sends under an id of its own. */
export const namedScope = (number: number, path: string): Uint8Array => {
  const bytes = scope(5, path);
  bytes[4] = number;
  return bytes;
};

export const dmar = (...structures: readonly Uint8Array[]): Uint8Array => dmarWith({}, ...structures);
export const dmarWith = (
  { width = 46, flags = 1 }: { readonly width?: number; readonly flags?: number },
  ...structures: readonly Uint8Array[]
): Uint8Array => tableOf("DMAR", 1, width - 1, flags, [0, 8], [0, 2], ...structures);

const word = (n: number): Part => [n, 8];

interface IvhdOf {
  readonly type?: number;
  readonly segment?: number;
  readonly self?: string;
  readonly flags?: number;
  /** The unit's feature register, bits 31:0. */
  readonly features?: number;
}
export function ivhd(
  at: number,
  { type = 0x11, segment = 0, self = "00:00.2", flags = 0x10, features = 0 }: IvhdOf,
  ...entries: readonly Uint8Array[]
): Uint8Array {
  const body = bytesOf(...entries);
  const more = type === 0x10 ? 0 : 16;
  const head = [
    type,
    flags,
    [24 + more + body.length, 2],
    [requester(self), 2],
    [0x40, 2],
    [at, 8],
    [segment, 2],
  ] as const;
  return bytesOf(...head, [0, 2], [0, 4], ...(more === 0 ? [] : [word(features), word(0)]), body);
}
export const select = (name: string) => bytesOf(2, [requester(name), 2], 0);
export const range = (from: string, to: string) => bytesOf(3, [requester(from), 2], 0, 4, [requester(to), 2], 0);
export const aliasSelect = (from: string, source: string) =>
  bytesOf(0x42, [requester(from), 2], 0, 0, [requester(source), 2], 0);
export const aliasRange = (from: string, to: string, source: string) =>
  bytesOf(0x43, [requester(from), 2], 0, 0, [requester(source), 2], 0, 4, [requester(to), 2], 0);
export const special = (variety: number, handle: number, source: string) =>
  bytesOf(0x48, [0, 2], 0, handle, [requester(source), 2], variety);
export const everything = () => bytesOf(1, [0, 2], 0);

export const ivmd = (
  type: 0x20 | 0x21 | 0x22,
  first: number,
  bytes: number,
  from = "00:00.0",
  to = "00:00.0",
  segment = 0,
) => bytesOf(type, 7, [32, 2], [requester(from), 2], [requester(to), 2], [segment, 2], [0, 6], [first, 8], [bytes, 8]);
export const ivrs = (...blocks: readonly Uint8Array[]): Uint8Array =>
  tableOf("IVRS", 2, [(48 << 8) | (48 << 15), 4], [0, 8], ...blocks);

export interface Mapping {
  readonly from?: number;
  readonly count?: number;
  readonly to: number;
  /** Index of the node that takes the ids. */
  readonly node: number;
  readonly single?: boolean;
}
export interface Node {
  readonly type: number;
  readonly data: Uint8Array;
  readonly mappings?: readonly Mapping[];
}
export const its = (): Node => ({ type: 0, data: bytesOf([1, 4], [0, 4]) });
export const smmuv3 = (at: number, ...mappings: readonly Mapping[]): Node => ({
  ...{ type: 4, data: bytesOf([at, 8], [1, 4], new Uint8Array(40)), mappings },
});
export const smmu = (at: number): Node => ({
  type: 3,
  data: bytesOf([at, 8], [0x10000, 8], [3, 4], [0, 4], new Uint8Array(36)),
});
export const counters = (at: number): Node => ({ type: 5, data: bytesOf([at, 8], [0, 4], [0, 4], [at, 8]) });
export const rootComplex = (segment: number, ats: boolean, ...mappings: readonly Mapping[]): Node => ({
  ...{ type: 2, data: bytesOf([0, 8], [ats ? 1 : 0, 4], [segment, 4], 48, 0, [0, 2], [0, 4]), mappings },
});
export const named = (path: string, ...mappings: readonly Mapping[]): Node => {
  const length = Math.ceil((13 + path.length + 1) / 4) * 4;
  const data = new Uint8Array(length);
  data[12] = 40;
  data.set(bytesOf(path), 13);
  return { type: 1, data, mappings };
};
export const reserved = (first: number, bytes: number, ...mappings: readonly Mapping[]): Node => ({
  ...{ type: 6, data: bytesOf([0, 4], [1, 4], [28, 4], [first, 8], [bytes, 8], [0, 4]), mappings },
});

export function iort(...nodes: readonly Node[]): Uint8Array {
  const sizes = nodes.map((n) => 16 + n.data.length + 20 * (n.mappings?.length ?? 0));
  const places = sizes.map((_, i) => 48 + sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const parts = nodes.map(({ type, data, mappings = [] }, i) =>
    bytesOf(
      ...([
        type,
        [sizes[i]!, 2],
        1,
        [i, 4],
        [mappings.length, 4],
        [mappings.length === 0 ? 0 : 16 + data.length, 4],
      ] as const),
      data,
      ...mappings.map(({ from = 0, count = 1, to, node, single = false }) =>
        bytesOf([from, 4], [count - 1, 4], [to, 4], [places[node]!, 4], [single ? 1 : 0, 4]),
      ),
    ),
  );
  return tableOf("IORT", 5, [nodes.length, 4], [48, 4], [0, 4], ...parts);
}

export const mcfg = (...windows: readonly (readonly [base: number, segment: number, first: number, last: number])[]) =>
  tableOf(
    "MCFG",
    1,
    [0, 8],
    ...windows.flatMap(([base, segment, first, last]) => [[base, 8], [segment, 2], first, last, [0, 4]] as Part[]),
  );
