/** What the library says a unit does with one access of one device. */
import type { MemoryView } from "../../src/mem/view.js";
import type { Attachment } from "../../src/table/device/index.js";
import { deviceTables, type LookupFault, type UnitRoot } from "../../src/table/device/index.js";
import {
  type CodeSet,
  FrameSource,
  faultCode,
  isReached,
  Need,
  NestedWalker,
  planOf,
  walk,
} from "../../src/table/index.js";
import { type NotReached, type Trace, trace, traceNested } from "../../src/table/trace.js";

export interface Access {
  readonly requester: number;
  readonly address: bigint;
  readonly write: boolean;
}

export type Outcome =
  | { readonly reaches: number; readonly passes: boolean }
  /** @param code null: the unit drops the access without a word. */
  | { readonly code: number | null; readonly why: string };

export const reaches = (o: Outcome): o is Extract<Outcome, { reaches: number }> => "reaches" in o;

/** @throws when the walk and its explanation disagree: they are two readings of one table. */
export function predict(memory: MemoryView, unit: UnitRoot, codes: CodeSet, access: Access): Outcome {
  const found = deviceTables[unit.kind].lookup(memory, unit, access.requester, null);
  return isFault(found) ? { code: found.code, why: found.why } : through(memory, found, codes, access);
}

export const isFault = (found: Attachment | LookupFault): found is LookupFault => !("state" in found);

function through(memory: MemoryView, found: Attachment, codes: CodeSet, { address, write }: Access): Outcome {
  const need = write ? Need.write : Need.read;
  if (found.state === "blocked") return { code: null, why: found.why };
  if (found.state !== "translated") {
    if ((found.allow & need) === 0) return { code: 2, why: found.why };
    return { reaches: Number(address), passes: true };
  }
  const frame = Number(address >> 12n);
  const source = FrameSource.of(memory);
  const first = found.first.find((t) => t.upper !== "ones" || address >> 63n === 1n) ?? null;
  const { second } = found;
  let answer: number;
  let explained: Trace;
  if (first !== null && second !== null) {
    answer = new NestedWalker(memory, { first, second }).walk(frame, need);
    explained = traceNested(memory, { first, second }, address, need);
  } else {
    const root = first ?? second!;
    answer = walk(planOf(root), source, root.address, frame, need);
    explained = trace(memory, root, address, need);
  }
  const { result } = explained;
  if (isReached(result) !== answer >= 0) throw new Error(`walk says ${answer}, trace ${JSON.stringify(result)}`);
  if (!isReached(result)) return { code: faultCode(codes, atOf(result, write)), why: result.why };
  const paddr = answer * 4096 + Number(address & 0xfffn);
  if (Math.floor(result.paddr / 4096) !== answer) throw new Error(`walk says frame ${answer}, trace ${result.paddr}`);
  return { reaches: paddr, passes: false };
}

const atOf = ({ fault, stage, atTop, onFirstStageTable }: NotReached, write: boolean) => {
  return { fault, stage, write, atTop, onFirstStageTable };
};
