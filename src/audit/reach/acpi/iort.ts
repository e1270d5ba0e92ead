/** IORT into units. Source: see spec/acpi/iort.ts. */

import { tableHeaderBytes } from "../../../spec/acpi/header.js";
import {
  IdMapping,
  IortHeader,
  IortNode,
  IortRange,
  IortReserved,
  IortRootComplex,
  IortSmmuv3,
  IortType,
  idMappingBytes,
  iortNameAt,
} from "../../../spec/acpi/iort.js";
import { structureAt, textAt } from "./bytes.js";
import { type AcpiScope, type AcpiUnit, type Gathered, structuresMax } from "./reading.js";

interface Node {
  readonly type: number;
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
  }
  for (const [at, node] of nodes) {
    if (node.type === IortType.smmuv3) {
      const s = structureAt(node.bytes, dataAt, IortSmmuv3.$);
      if (s === null) out.note("IORT: an SMMUv3 node is cut short");
      else out.units.push(unitOf(s.wide(IortSmmuv3.baseLow, IortSmmuv3.baseHigh), scopes.get(at) ?? []));
    } else if (node.type === IortType.reserved) ranges(node, out);
  }
}

function unitOf(registersAt: number, scopes: readonly AcpiScope[]): AcpiUnit {
  return { kind: "smmuv3", registersAt, segment: scopes[0]?.segment ?? 0, includeAll: false, scopes, requester: null };
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
    nodes.set(at, { type: s.get(IortNode.type), bytes: own, mappings });
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
    return node.mappings.map((m) => {
      const last = Math.min(m.input + m.count - 1, 0xffff);
      const name = `ids 0x${m.input.toString(16)} to 0x${last.toString(16)}`;
      return [m.node, { segment, first: m.input, last, what: "range", name, stream: m.output }];
    });
  }
  if (node.type !== IortType.named) return [];
  const name = textAt(node.bytes, dataAt + iortNameAt);
  return node.mappings.map((m) => [
    m.node,
    { segment: 0, first: null, last: null, what: "named", name, stream: m.output },
  ]);
}

function ranges(node: Node, out: Gathered): void {
  const s = structureAt(node.bytes, dataAt, IortReserved.$);
  if (s === null) {
    out.note("IORT: a node of reserved memory is cut short");
    return;
  }
  const scopes = node.mappings.map((m): AcpiScope => {
    const name = `stream 0x${m.output.toString(16)}`;
    return { segment: 0, first: null, last: null, what: "named", name, stream: m.output };
  });
  for (let n = 0; n < Math.min(s.get(IortReserved.ranges), structuresMax); n++) {
    const r = structureAt(node.bytes, s.get(IortReserved.rangesAt) + n * 20, IortRange.$);
    if (r === null) break;
    const first = r.wide(IortRange.baseLow, IortRange.baseHigh);
    const bytes = r.wide(IortRange.bytesLow, IortRange.bytesHigh);
    if (bytes > 0) out.reserved.push({ kind: "RMR", first, last: first + bytes - 1, segment: 0, scopes, allow: 3 });
  }
}
