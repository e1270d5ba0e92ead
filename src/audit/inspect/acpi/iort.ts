/** IORT into units. Source: see spec/acpi/iort.ts. */

import { hex } from "../../../base/hex.js";
import { tableHeaderBytes } from "../../../spec/acpi/header.js";
import {
  IdMapping,
  IortHeader,
  IortNode,
  IortRange,
  IortReserved,
  IortRootComplex,
  IortSmmu,
  IortSmmuv3,
  IortType,
  idMappingBytes,
  iortNameAt,
  iortNamedBitsAt,
  iortRootBitsAt,
  smmuModels,
} from "../../../spec/acpi/iort.js";
import { functionName, segmentName } from "../../../spec/pcie/requester.js";
import { structureAt, textAt } from "./bytes.js";
import { type AcpiScope, type AcpiUnit, type Gathered, structuresMax } from "./reading.js";

interface Node {
  readonly type: number;
  readonly revision: number;
  /** The node's bytes; its own data begin at 16. */
  readonly bytes: Uint8Array;
  readonly mappings: readonly Mapping[];
}

interface Mapping {
  readonly input: number;
  readonly count: number;
  readonly output: number;
  readonly node: number;
  readonly single: boolean;
}

const dataAt = 16;

export function readIort(bytes: Uint8Array, out: Gathered): void {
  const head = structureAt(bytes, tableHeaderBytes, IortHeader.$);
  if (head === null) {
    out.note("IORT is cut short");
    return;
  }
  const nodes = nodesOf(bytes, head.get(IortHeader.offset), head.get(IortHeader.nodes), out);
  const scopes = new Map<number, AcpiScope[]>();
  for (const node of nodes.values()) {
    for (const [at, scope] of reachedBy(node)) scopes.set(at, [...(scopes.get(at) ?? []), scope]);
    if (node.type === IortType.rootComplex) ats(node, out);
  }
  const units = new Map<number, number>();
  // Linux makes a device of each of these nodes, and numbers them as it finds them. Source: drivers/acpi/arm64/iort.c,
  // iort_init_platform_devices (PLATFORM_DEVID_AUTO).
  let number = 0;
  for (const [at, node] of nodes) {
    const unit = unitOf(node, scopes.get(at) ?? [], number, out);
    if (unit !== null) units.set(at, out.units.push(unit) - 1);
    if (numbered.includes(node.type)) number++;
  }
  for (const node of nodes.values()) if (node.type === IortType.reserved) ranges(node, units, out);
}

const numbered: readonly number[] = [IortType.smmu, IortType.smmuv3, IortType.counters];

function unitOf(node: Node, scopes: readonly AcpiScope[], number: number, out: Gathered): AcpiUnit | null {
  const rest = { segment: scopes[0]?.segment ?? 0, includeAll: false, scopes, requester: null } as const;
  if (node.type === IortType.smmuv3) {
    const s = structureAt(node.bytes, dataAt, IortSmmuv3.$);
    if (s === null) {
      out.note("IORT: an SMMUv3 node is cut short");
      return null;
    }
    const registersAt = s.get(IortSmmuv3.base);
    const says = s.get(IortSmmuv3.coherent) === 1 ? ["coherent walks"] : [];
    return { ...rest, kind: "smmuv3", registersAt, says, name: `arm-smmu-v3.${number}.auto` };
  }
  if (node.type !== IortType.smmu) return null;
  const s = structureAt(node.bytes, dataAt, IortSmmu.$);
  if (s === null) {
    out.note("IORT: an SMMU node is cut short");
    return null;
  }
  const registersAt = s.get(IortSmmu.base);
  const says = [smmuModels[s.get(IortSmmu.model)] ?? "a model of its own"];
  return { ...rest, kind: "smmu", registersAt, says, name: `arm-smmu.${number}.auto` };
}

/** Devices below a root complex may use ATS where the node says so. */
function ats(node: Node, out: Gathered): void {
  const s = structureAt(node.bytes, dataAt, IortRootComplex.$);
  if (s === null) return;
  const segment = s.get(IortRootComplex.segment);
  const bits = node.revision > 0 ? (node.bytes[dataAt + iortRootBitsAt] ?? 0) : 0;
  if (bits > 0) out.says.push(`${bits} address bits below segment ${segmentName(segment)}`);
  out.ats ??= { all: false, scopes: [] };
  if (s.get(IortRootComplex.ats) === 0) return;
  const name = `segment ${segmentName(segment)}`;
  out.ats.scopes.push({ segment, first: 0, last: 0xffff, what: "range", name, stream: null });
}

function nodesOf(bytes: Uint8Array, from: number, count: number, out: Gathered): Map<number, Node> {
  const nodes = new Map<number, Node>();
  for (let n = 0, at = from; n < Math.min(count, structuresMax); n++) {
    const s = structureAt(bytes, at, IortNode.$);
    const length = s?.get(IortNode.length) ?? 0;
    if (s === null || length < dataAt || at + length > bytes.length) {
      out.note(`IORT: node ${n} at byte ${at} does not lie in the table; the rest is left out`);
      break;
    }
    const own = bytes.subarray(at, at + length);
    const mappings = mappingsOf(own, s.get(IortNode.mappingsAt), s.get(IortNode.mappings));
    nodes.set(at, { type: s.get(IortNode.type), revision: s.get(IortNode.revision), bytes: own, mappings });
    at += length;
  }
  return nodes;
}

function mappingsOf(node: Uint8Array, from: number, count: number): Mapping[] {
  const found: Mapping[] = [];
  for (let n = 0; n < Math.min(count, structuresMax); n++) {
    const s = structureAt(node, from + n * idMappingBytes, IdMapping.$);
    if (s === null) break;
    found.push({
      input: s.get(IdMapping.input),
      count: s.get(IdMapping.count) + 1,
      output: s.get(IdMapping.output),
      node: s.get(IdMapping.node),
      single: s.get(IdMapping.single) === 1,
    });
  }
  return found;
}

/** Which units a root complex or a named device sends its requests to, and as which streams. */
function reachedBy(node: Node): [at: number, scope: AcpiScope][] {
  if (node.type === IortType.rootComplex) {
    const segment = structureAt(node.bytes, dataAt, IortRootComplex.$)?.get(IortRootComplex.segment) ?? 0;
    return node.mappings.flatMap((m): [number, AcpiScope][] => {
      const [first, last] = m.single ? [0, requesterMax] : [m.input, lastOf(m, node.mappings)];
      if (last < first) return [];
      const name = `${rangeName(segment, first, last)} as ${m.single ? "stream" : "streams from"} ${hex(m.output)}`;
      const oneStream = m.single ? { oneStream: true } : {};
      return [[m.node, { segment, first, last, what: "range", name, stream: m.output, ...oneStream }]];
    });
  }
  if (node.type !== IortType.named) return [];
  const name = textAt(node.bytes, dataAt + iortNameAt, 255);
  const addressBits = node.bytes[dataAt + iortNamedBitsAt] ?? 0;
  const device = {
    segment: 0,
    first: null,
    last: null,
    what: "named",
    name,
    ...(addressBits > 0 && { addressBits }),
  } as const;
  return node.mappings.map((m) => [m.node, { ...device, stream: m.output }]);
}

/** A requester id has 16 bits. */
const requesterMax = 0xffff;

/**
 * Some firmware counts ids where the table wants one less: where the next range begins at the last id, it has it.
 * Source: drivers/acpi/arm64/iort.c, iort_id_map.
 */
function lastOf(m: Mapping, all: readonly Mapping[]): number {
  const last = m.input + m.count - 1;
  const taken = m.count > 1 && all.some((other) => !other.single && other.input === last);
  return Math.min(taken ? last - 1 : last, requesterMax);
}

function rangeName(segment: number, first: number, last: number): string {
  const name = (id: number) => `${segmentName(segment)}:${functionName(id)}`;
  if (first === 0 && last === requesterMax) return `segment ${segmentName(segment)}`;
  return first === last ? name(first) : `${name(first)} to ${name(last)}`;
}

/** Regions for streams: they are of the unit that takes these. */
function ranges(node: Node, units: ReadonlyMap<number, number>, out: Gathered): void {
  const s = structureAt(node.bytes, dataAt, IortReserved.$);
  if (s === null) {
    out.note("IORT: a node of reserved memory is cut short");
    return;
  }
  const scopes = node.mappings.map((m): AcpiScope => {
    const last = m.output + (m.single ? 0 : m.count - 1);
    const name = last === m.output ? `stream ${hex(last)}` : `streams ${hex(m.output)} to ${hex(last)}`;
    const unit = units.get(m.node);
    return {
      segment: 0,
      first: m.output,
      last,
      what: "stream",
      name,
      stream: null,
      ...(unit !== undefined && { unit }),
    };
  });
  for (let n = 0; n < Math.min(s.get(IortReserved.ranges), structuresMax); n++) {
    const r = structureAt(node.bytes, s.get(IortReserved.rangesAt) + n * 20, IortRange.$);
    if (r === null) break;
    const first = r.get(IortRange.base);
    const bytes = r.get(IortRange.bytes);
    if (bytes > 0) out.reserve({ kind: "RMR", first, last: first + bytes - 1, segment: 0, scopes, allow: 3 });
  }
}
