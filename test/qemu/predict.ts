/** What the library says a unit does with one access of one device. */
import { read } from "../../src/bits/field.js";
import type { MemoryView } from "../../src/mem/view.js";
import { ContextDescriptor } from "../../src/spec/smmuv3/context_descriptor.js";
import { StreamEntry } from "../../src/spec/smmuv3/stream_table.js";
import { ContextEntry } from "../../src/spec/vtd/context_entry.js";
import type { Attachment } from "../../src/table/device/index.js";
import { deviceTables, type EntryRead, type LookupFault, type UnitRoot } from "../../src/table/device/index.js";
import {
  type CodeSet,
  Fault,
  FrameSource,
  faultCode,
  isReached,
  Need,
  NestedWalker,
  planOf,
  type TableRoot,
  walk,
} from "../../src/table/index.js";
import { type NotReached, type Trace, trace, traceNested } from "../../src/table/trace.js";

export interface Access {
  readonly requester: number;
  readonly address: bigint;
  readonly write: boolean;
}

export type Outcome =
  | { readonly reaches: number; readonly entries: readonly EntryRead[] }
  /** @param code null: the unit drops the access without a word. */
  | {
      readonly code: number | null;
      readonly why: string;
      /** The walk that ended so; null when it did not come to one. */
      readonly walk: Trace | null;
      /** Entries of device tables that were read. */
      readonly entries: readonly EntryRead[];
    };

export const reaches = (o: Outcome): o is Extract<Outcome, { reaches: number }> => "reaches" in o;

/**
 * @param change what is to be otherwise of page tables
 * @throws when the walk and its explanation disagree: they are two readings of one table.
 */
export function predict(
  memory: MemoryView,
  unit: UnitRoot,
  codes: CodeSet,
  access: Access,
  change: Partial<TableRoot> = {},
): Outcome {
  const found = deviceTables[unit.kind].lookup(memory, unit, access.requester, null);
  if (!isFault(found)) return through(memory, changed(found, change), codes, access);
  const { code, why, entries } = found;
  return { code: code !== null && recorded(found, code) ? code : null, why, walk: null, entries };
}

function changed(found: Attachment, change: Partial<TableRoot>): Attachment {
  const of = (root: TableRoot): TableRoot => ({ ...root, ...change });
  return { ...found, first: found.first.map(of), second: found.second === null ? null : of(found.second) };
}

export const isFault = (found: Attachment | LookupFault): found is LookupFault => !("state" in found);

function through(memory: MemoryView, found: Attachment, codes: CodeSet, { address, write }: Access): Outcome {
  const need = write ? Need.write : Need.read;
  if (found.state === "blocked") {
    const code = found.records ?? null;
    const { why, entries } = found;
    return { code: code !== null && recorded(found, code) ? code : null, why, walk: null, entries };
  }
  if (found.state !== "translated") {
    if ((found.allow & need) === 0) return { code: 2, why: found.why, walk: null, entries: found.entries };
    return { reaches: Number(address), entries: found.entries };
  }
  const frame = Number(address >> 12n);
  const source = FrameSource.of(memory);
  const { second } = found;
  const ways = found.first.length === 0 ? [null] : found.first;
  const walks = ways.map((first) => {
    if (first === null)
      return both(walk(planOf(second!), source, second!.address, frame, need), trace(memory, second!, address, need));
    if (second === null)
      return both(walk(planOf(first), source, first.address, frame, need), trace(memory, first, address, need));
    const roots = { first, second };
    return both(new NestedWalker(memory, roots).walk(frame, need), traceNested(memory, roots, address, need));
  });
  // Of an upper and a lower half, the one in which the address lies.
  const { answer, explained } = walks.find((w) => w.answer !== Fault.inputSize) ?? walks[0]!;
  const { result } = explained;
  if (isReached(result) !== answer >= 0) throw new Error(`walk says ${answer}, trace ${JSON.stringify(result)}`);
  if (!isReached(result)) {
    const code = faultCode(codes, atOf(result, write));
    return {
      code: recorded(found, code, result.stage) ? code : null,
      why: result.why,
      walk: explained,
      entries: found.entries,
    };
  }
  const paddr = answer * 4096 + Number(address & 0xfffn);
  if (Math.floor(result.paddr / 4096) !== answer) throw new Error(`walk says frame ${answer}, trace ${result.paddr}`);
  return { reaches: paddr, entries: found.entries };
}

/**
 * Whether a fault is recorded. SMMUv3: CD.R and STE.S2R, of events 0x10 to 0x13 (IHI 0070, 5.4). VT-d legacy: the
 * context entry's FPD, of the reasons that the specification calls qualified (4.1, 7.1.3).
 */
function recorded(
  { entries }: { readonly entries: readonly EntryRead[] },
  code: number,
  stage: "first" | "second" = "first",
): boolean {
  const ofStream = stage === "second" ? entries.find((e) => e.about === StreamEntry.$) : undefined;
  const last = ofStream ?? entries.at(-1);
  if (last === undefined) return true;
  if (last.about === ContextEntry.$) return !(qualified.has(code) && read(last.words, 0, ContextEntry.fpd) === 1);
  if (code < 0x10 || code > 0x13) return true;
  if (last.about === ContextDescriptor.$) return read(last.words, 0, ContextDescriptor.r) === 1;
  return last.about !== StreamEntry.$ || read(last.words, 0, StreamEntry.s2R) === 1;
}

const qualified: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 0xc, 0xd, 0xe]);

const both = (answer: number, explained: Trace) => ({ answer, explained });

const atOf = ({ fault, stage, atTop, onFirstStageTable }: NotReached, write: boolean) => {
  return { fault, stage, write, atTop, onFirstStageTable };
};
