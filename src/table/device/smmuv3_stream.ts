/**
 * SMMUv3: from a stream id to its stream table entry.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, sections 3.3.1 (lookup), 5.1 (Span; a stream beyond it is
 * C_BAD_STREAMID, where some emulators say C_BAD_STE), 6.3.24 and 6.3.25 (base and size).
 */

import { frameBytes, type Mfn } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { type Field, read } from "../../bits/field.js";
import type { MemoryView } from "../../mem/view.js";
import {
  L1StreamDescriptor,
  l1StreamDescriptorBytes,
  StreamEntry,
  spanMax,
  streamEntryBytes,
} from "../../spec/smmuv3/stream_table.js";
import type { UnitRoot } from "./attachment.js";
import { entryAt, type LookupEnd, type Path } from "./entry.js";

const Event = { badStream: 0x02, entryFetch: 0x03 };

/** Stream ids have 32 bits at most. */
export const streamCount = (unit: UnitRoot) => 2 ** Math.min(Math.max(unit.size, 0), 32);

/** Bytes of the table to which the unit's register points: of its first level where it has two. */
export function streamTableBytes(unit: UnitRoot): number {
  return unit.mode === "two-level"
    ? Math.max(64, 2 ** Math.max(unit.size - unit.split, 0) * l1StreamDescriptorBytes)
    : streamCount(unit) * streamEntryBytes;
}

/** Where the table begins: the unit ignores address bits below the table's size. */
export const streamTableAt = (unit: UnitRoot): number => unit.root - (unit.root % streamTableBytes(unit));

/** A table of stream table entries: the whole table when it is linear, one first-level descriptor's otherwise. */
export interface StreamSpan {
  readonly table: number;
  readonly first: number;
  readonly count: number;
}

/** Whether a first-level descriptor says that its streams have no entries, or an entry that it is not valid: most do. */
export const isUnused = (memory: MemoryView, table: number, index: number): boolean =>
  isZeroAt(memory, table + index * l1StreamDescriptorBytes, L1StreamDescriptor.span);
export const isInvalid = (memory: MemoryView, address: number): boolean => isZeroAt(memory, address, StreamEntry.v);

/** false where the memory does not hold it. */
function isZeroAt(memory: MemoryView, address: number, field: Field): boolean {
  const words = memory.frame(Math.floor(address / frameBytes) as Mfn);
  return words !== undefined && read(words, (address % frameBytes) >>> 2, field) === 0;
}

/** @returns the entries that a first-level descriptor leads to. */
export function spanOf(memory: MemoryView, unit: UnitRoot, index: number, path: Path): StreamSpan | LookupEnd {
  const first = index * 2 ** unit.split;
  const at = streamTableAt(unit) + index * l1StreamDescriptorBytes;
  const words = entryAt(memory, at, 2);
  if (words === undefined) {
    return path.refuse("outside", Event.entryFetch, `the stream table at ${hex(unit.root)} lies outside this memory`);
  }
  const span = read(words, 0, L1StreamDescriptor.span);
  if (span === 0 || span > spanMax || span - 1 > unit.split) {
    path.add(at, words, L1StreamDescriptor.$, "no streams");
    const why = `the level 1 descriptor of streams from ${hex(first)} on has Span ${span}`;
    return path.refuse(span === 0 ? "absent" : "reserved", Event.badStream, why);
  }
  const count = 2 ** (span - 1);
  const table = read(words, 0, L1StreamDescriptor.l2) * 64;
  const start = table - (table % (count * streamEntryBytes));
  path.add(at, words, L1StreamDescriptor.$, `${count} stream table entries at ${hex(start)}`);
  return { table: start, first, count };
}

/** @returns the entry's words, whatever they hold. */
export function streamEntry(memory: MemoryView, span: StreamSpan, stream: number, path: Path): Uint32Array | LookupEnd {
  const at = span.table + (stream - span.first) * streamEntryBytes;
  const words = entryAt(memory, at, streamEntryBytes / 4);
  if (words === undefined) {
    return path.refuse(
      "outside",
      Event.entryFetch,
      `the stream table entry of ${hex(stream)} at ${hex(at)} lies outside this memory`,
    );
  }
  path.add(at, words, StreamEntry.$, meaning);
  return words;
}

/** The entry of one stream, as the unit finds it. */
export function findStream(memory: MemoryView, unit: UnitRoot, stream: number, path: Path): Uint32Array | LookupEnd {
  if (!(stream >= 0 && stream < streamCount(unit))) {
    return path.refuse(
      "absent",
      Event.badStream,
      `stream ${hex(stream)} is beyond the ${unit.size} bits of the stream table`,
    );
  }
  if (unit.mode !== "two-level") {
    return streamEntry(memory, { table: streamTableAt(unit), first: 0, count: streamCount(unit) }, stream, path);
  }
  const span = spanOf(memory, unit, Math.floor(stream / 2 ** unit.split), path);
  if ("code" in span) return span;
  if (stream - span.first >= span.count) {
    return path.refuse(
      "absent",
      Event.badStream,
      `stream ${hex(stream)} is beyond the ${span.count} entries of its level 1 descriptor`,
    );
  }
  return streamEntry(memory, span, stream, path);
}

function meaning(words: Uint32Array): string {
  if (read(words, 0, StreamEntry.v) === 0) return "not valid";
  const config = read(words, 0, StreamEntry.config);
  const contexts = `context descriptors at ${hex(read(words, 0, StreamEntry.s1Context) * 64)}`;
  const second = `second-stage table at ${hex(read(words, 0, StreamEntry.s2Ttb) * 16)}`;
  return config < 4 ? "abort" : (["bypass", contexts, second, `${contexts}, ${second}`] as const)[config - 4]!;
}
