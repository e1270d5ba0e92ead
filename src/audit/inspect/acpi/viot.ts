/** VIOT into units. Source: see spec/acpi/viot.ts. */
import { hex } from "../../../base/hex.js";
import { tableHeaderBytes } from "../../../spec/acpi/header.js";
import {
  ViotHeader,
  ViotNode,
  ViotPciRange,
  ViotType,
  ViotVirtioMmio,
  ViotVirtioPci,
} from "../../../spec/acpi/viot.js";
import { structureAt } from "./bytes.js";
import { type AcpiScope, type AcpiUnit, type Gathered, structuresMax } from "./reading.js";

export function readViot(bytes: Uint8Array, out: Gathered): void {
  const head = structureAt(bytes, tableHeaderBytes, ViotHeader.$);
  if (head === null) {
    out.note("VIOT is cut short");
    return;
  }
  const units = new Map<number, Omit<AcpiUnit, "scopes">>();
  const scopes: [unit: number, scope: AcpiScope][] = [];
  let at = head.get(ViotHeader.offset);
  for (let n = 0; n < Math.min(head.get(ViotHeader.nodes), structuresMax); n++) {
    const node = structureAt(bytes, at, ViotNode.$);
    const length = node?.get(ViotNode.length) ?? 0;
    if (node === null || length < 4 || at + length > bytes.length) {
      out.note(`VIOT: node ${n} at byte ${at} does not lie in the table; the rest is left out`);
      break;
    }
    const own = bytes.subarray(at, at + length);
    const type = node.get(ViotNode.type);
    const unit = unitOf(type, own);
    if (unit !== null) units.set(at, unit);
    if (type === ViotType.pciRange) scopes.push(...rangeOf(own));
    at += length;
  }
  for (const [place, unit] of units) {
    out.units.push({ ...unit, scopes: scopes.filter(([u]) => u === place).map(([, s]) => s) });
  }
}

function unitOf(type: number, node: Uint8Array): Omit<AcpiUnit, "scopes"> | null {
  const rest = { kind: "virtio-iommu", includeAll: false } as const;
  if (type === ViotType.virtioPci) {
    const s = structureAt(node, 0, ViotVirtioPci.$);
    if (s === null) return null;
    return {
      ...rest,
      registersAt: null,
      segment: s.get(ViotVirtioPci.segment),
      requester: s.get(ViotVirtioPci.requester),
    };
  }
  if (type !== ViotType.virtioMmio) return null;
  const s = structureAt(node, 0, ViotVirtioMmio.$);
  if (s === null) return null;
  return { ...rest, registersAt: s.get(ViotVirtioMmio.base), segment: 0, requester: null };
}

function rangeOf(node: Uint8Array): [unit: number, scope: AcpiScope][] {
  const s = structureAt(node, 0, ViotPciRange.$);
  if (s === null) return [];
  const [first, last] = [s.get(ViotPciRange.first), s.get(ViotPciRange.last)];
  const segment = s.get(ViotPciRange.firstSegment);
  const name = `ids ${hex(first)} to ${hex(last)}`;
  return [
    [s.get(ViotPciRange.unit), { segment, first, last, what: "range", name, stream: s.get(ViotPciRange.endpoint) }],
  ];
}
