/** SMMUv3 stream tables and context descriptors. */
import { frameBytes } from "../../base/frame.js";
import { read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import {
  ContextDescriptor,
  contextDescriptorBytes,
  L1ContextDescriptor,
} from "../../spec/smmuv3/context_descriptor.js";
import { streamEntryBytes } from "../../spec/smmuv3/stream_table.js";
import type { Attachment, DeviceTables, LookupFault, UnitRoot } from "./attachment.js";
import { entryAt, isLookupEnd, type LookupEnd, Path } from "./entry.js";
import { Gathering } from "./gathering.js";
import { faultOf, whileOff } from "./made.js";
import { contextOf, descriptorAt, leafLg2, leafOf } from "./smmuv3_context.js";
import { decide, type FirstStageStream, substreamFault, withoutSubstream } from "./smmuv3_entry.js";
import {
  findStream,
  isInvalid,
  isUnused,
  type StreamSpan,
  spanOf,
  streamCount,
  streamEntry,
  streamTableAt,
} from "./smmuv3_stream.js";
import { through } from "./through.js";

const isStream = (found: object): found is FirstStageStream => "contextLg2" in found;

export const smmuv3Tables: DeviceTables = {
  kind: "smmuv3",

  attachments(memory, unit, troubles, goOn) {
    const gathering = new Gathering(unit, troubles, goOn);
    if (unit.mode !== "two-level") {
      streams(memory, unit, { table: streamTableAt(unit), first: 0, count: streamCount(unit) }, new Path(), gathering);
      return gathering.list;
    }
    const table = streamTableAt(unit);
    const spans = 2 ** Math.max(Math.min(unit.size, 32) - unit.split, 0);
    for (let index = 0; index < spans && gathering.mayRead(1); index++) {
      if (isUnused(memory, table, index)) continue;
      const path = new Path();
      const span = spanOf(memory, unit, index, path);
      if (isLookupEnd(span)) {
        gathering.refused(span);
        // A whole page of descriptors is missing: one trouble, and on to the next page.
        if (span.kind === "outside") index |= 511;
      } else streams(memory, unit, span, path, gathering);
    }
    return gathering.list;
  },

  lookup(memory, unit, requester, pasid): Attachment | LookupFault {
    const path = new Path();
    const off = whileOff({ unit, requester, pasid }, path);
    if (off !== null) return off;
    const found = device(memory, unit, requester, pasid, path);
    return isLookupEnd(found) ? faultOf(found) : found;
  },
};

function device(
  memory: MemoryView,
  unit: UnitRoot,
  requester: number,
  pasid: number | null,
  path: Path,
): Attachment | LookupEnd {
  const whose = { unit, requester, pasid };
  const words = findStream(memory, unit, requester, path);
  if (isLookupEnd(words)) return words;
  const stream = decide(whose, words, path);
  if (!isStream(stream)) return stream;
  if (pasid !== null) return substreamFault(whose, stream, path) ?? contextOf(memory, whose, stream, pasid, path);
  return ofNoSubstream(memory, { unit, requester }, stream, path);
}

interface Device {
  readonly unit: UnitRoot;
  readonly requester: number;
}

function ofNoSubstream(memory: MemoryView, of: Device, stream: FirstStageStream, path: Path): Attachment | LookupEnd {
  const several = stream.contextLg2 > 0 && of.unit.abilities?.pasidBits !== 0;
  const own = several ? withoutSubstream({ ...of, pasid: null }, stream, path) : null;
  return own ?? contextOf(memory, { ...of, pasid: 0 }, stream, 0, path);
}

function streams(memory: MemoryView, unit: UnitRoot, span: StreamSpan, path: Path, gathering: Gathering): void {
  for (let n = 0; n < span.count && gathering.mayRead(1); n++) {
    const requester = span.first + n;
    if (isInvalid(memory, span.table + n * streamEntryBytes)) continue;
    const here = path.fork();
    const entry = streamEntry(memory, span, requester, here);
    if (isLookupEnd(entry)) {
      gathering.refused(entry);
      n |= frameBytes / streamEntryBytes - 1;
      continue;
    }
    const whose = { unit, requester, pasid: null };
    const stream = decide(whose, entry, here);
    if (isStream(stream)) substreams(memory, { unit, requester }, stream, here, gathering);
    else gathering.add(whose, stream);
  }
}

/** Requests without substream, and every substream that has a descriptor. */
function substreams(memory: MemoryView, of: Device, stream: FirstStageStream, path: Path, gathering: Gathering): void {
  const plain = ofNoSubstream(memory, of, stream, path.fork());
  const pasid = isLookupEnd(plain) ? (stream.contextLg2 === 0 ? 0 : null) : plain.pasid;
  gathering.add({ ...of, pasid }, plain, true);
  if (stream.contextLg2 === 0 || of.unit.abilities?.pasidBits === 0) return;
  const lg2 = leafLg2(stream);
  const perLeaf = Math.min(2 ** (lg2 ?? stream.contextLg2), 2 ** stream.contextLg2);
  const leaves = 2 ** stream.contextLg2 / perLeaf;
  for (let leaf = 0; leaf < leaves && gathering.mayRead(1); leaf++) {
    const here = path.fork();
    let table: number | LookupEnd = stream.contexts;
    if (lg2 !== null) {
      if (!isLeafValid(memory, stream, leaf)) continue;
      table = leafOf(memory, { ...of, pasid: leaf * perLeaf }, stream, leaf, here);
    }
    if (typeof table !== "number") {
      gathering.refused(table);
      return;
    }
    descriptors(memory, { ...of, stream, table, first: leaf * perLeaf, count: perLeaf }, here, gathering);
  }
}

interface Leaf extends Device {
  readonly stream: FirstStageStream;
  readonly table: number;
  readonly first: number;
  readonly count: number;
}

function descriptors(memory: MemoryView, leaf: Leaf, path: Path, gathering: Gathering): void {
  const { unit, requester, stream } = leaf;
  for (let n = 0; n < leaf.count && gathering.mayRead(1); n++) {
    const whose = { unit, requester, pasid: leaf.first + n };
    if (whose.pasid === 0 && substreamFault(whose, stream, path) !== null) continue;
    const address = leaf.table + n * contextDescriptorBytes;
    const at = through(memory, stream.second, address);
    const words = at === null ? undefined : entryAt(memory, at, 1);
    if (words !== undefined && read(words, 0, ContextDescriptor.v) === 0) continue;
    gathering.add(whose, descriptorAt(memory, whose, stream, address, path.fork()));
    if (words === undefined) return;
  }
}

/** false only for one that is there and says so. */
function isLeafValid(memory: MemoryView, stream: FirstStageStream, leaf: number): boolean {
  const at = through(memory, stream.second, stream.contexts + leaf * 8);
  const words = at === null ? undefined : entryAt(memory, at, 1);
  return words === undefined || read(words, 0, L1ContextDescriptor.v) === 1;
}
