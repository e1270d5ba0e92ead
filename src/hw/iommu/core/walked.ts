/** One walk on a miss: what it reaches, why it does not, and where the next one may begin. */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import type { Attachment } from "../../../table/device/index.js";
import {
  type CodeSet,
  type FaultName,
  faultCode,
  isReached,
  type Need,
  planOf,
  type TableRoot,
  type Trace,
} from "../../../table/index.js";
import { Kind, Row, rootProblem, rowLength } from "../../../table/plan.js";
import { trace, traceNested } from "../../../table/trace.js";
import { granted } from "../../../table/walk.js";
import type { CachedTable } from "./table_cache.js";
import type { Tag } from "./tag.js";

/** A walk that reached memory. */
export interface Walked {
  readonly frame: number;
  readonly sizeLg2: number;
  readonly allow: number;
  /** The leaf counts for every space: that of the first stage where there are two. */
  readonly global: boolean;
  /** log2 of the granule of its table, and of its bytes. */
  readonly granuleLg2: number;
  readonly leafLg2: number;
  /** The table that held the leaf; null where it was the top one, or where two stages were walked. */
  readonly table: CachedTable | null;
}

/** A walk that did not. */
export interface NotWalked {
  readonly code: number;
  readonly fault: FaultName;
  readonly stage: "first" | "second";
  /** The second stage refused a table of the first. */
  readonly onTable: boolean;
  /** What that stage was given; of what memory does not hold, where it should lie. */
  readonly at: number;
  /** The address lies beyond what the table translates. */
  readonly isOutside: boolean;
}

export const hasReached = (w: Walked | NotWalked): w is Walked => "frame" in w;

/** @param from a table that is cached, or null: from the top */
export function walked(
  memory: MemoryView,
  o: { readonly attachment: Attachment; readonly tag: Tag; readonly codes: CodeSet; readonly from: CachedTable | null },
  request: { readonly frame: number; readonly need: Need; readonly write: boolean },
): Walked | NotWalked {
  const { first, second } = o.attachment;
  const { frame, need } = request;
  const only = first.length === 0 ? second! : null;
  if (only !== null) return ofOne(memory, only, o, request);
  let answer: Walked | NotWalked | null = null;
  for (const root of first) {
    if (second === null) {
      answer = ofOne(memory, root, o, request);
    } else {
      const both = traceNested(memory, { first: root, second }, BigInt(frame) << 12n, need);
      answer = answered(both, o, request, root, null);
    }
    // Of an upper and a lower half, the one in which the address lies.
    if (hasReached(answer) || !answer.isOutside) return answer;
  }
  return answer!;
}

type Of = Parameters<typeof walked>[1];
type Request = Parameters<typeof walked>[2];

function ofOne(memory: MemoryView, root: TableRoot, o: Of, request: Request): Walked | NotWalked {
  const { from } = o;
  const below = from === null ? null : belowOf(root, from);
  if (from === null || below === null) {
    const t = trace(memory, root, BigInt(request.frame) << 12n, request.need);
    return answered(t, o, request, root, root);
  }
  const t = trace(memory, below, (request.frame - from.frame) * frameBytes, request.need);
  const answer = answered(t, o, request, root, null);
  const isOfInput = !hasReached(answer) && answer.fault !== "outside";
  return isOfInput ? { ...answer, at: request.frame * frameBytes } : answer;
}

/** The part of a table that a cached pointer leads to; null where it is of another kind of table, whose tag is the same. */
function belowOf(root: TableRoot, from: CachedTable): TableRoot | null {
  const below: TableRoot = {
    ...root,
    level: from.level,
    address: from.table,
    inputBits: from.spanLg2,
    upper: "zero",
    allow: (root.allow & from.allow) as TableRoot["allow"],
  };
  return from.level < root.level && rootProblem(below) === null ? below : null;
}

/** @param root what was walked first @param keep whose last table is worth keeping; null: none */
function answered(t: Trace, o: Of, request: Request, root: TableRoot, keep: TableRoot | null): Walked | NotWalked {
  const { result } = t;
  if (!isReached(result)) {
    const { fault, stage, atTop, onFirstStageTable, at } = result;
    const code = faultCode(o.codes, { fault, stage, atTop, onFirstStageTable, write: request.write });
    return { code, fault, stage, onTable: onFirstStageTable, at, isOutside: fault === "inputSize" };
  }
  const { paddr, bytes, allow } = result;
  const { rows, perLevel } = planOf(root);
  const leaf = t.steps.at(-1)!;
  const nG = leaf.about.fields.find((f) => f.name === "nG");
  return {
    frame: Math.floor(paddr / frameBytes),
    sizeLg2: Math.round(Math.log2(bytes)),
    allow,
    global: nG !== undefined && read(leaf.words, 0, nG) === 0,
    granuleLg2: perLevel + 3,
    leafLg2: rows[leaf.level * rowLength + Row.shift]!,
    table: keep === null ? null : lastTable(t, keep, o.tag, request.frame),
  };
}

/** The pointer to the table that held the leaf. */
function lastTable(t: Trace, root: TableRoot, tag: Tag, frame: number): CachedTable | null {
  const leaf = t.steps.at(-1)!;
  if (t.steps.length < 2) return null;
  const plan = planOf(root);
  let allow = plan.rights;
  for (const s of t.steps.slice(0, -1)) allow &= granted(plan, Kind.table, s.words[0]! | 0, s.words[1]! | 0);
  const spanLg2 = plan.rows[leaf.level * rowLength + Row.shift]! + plan.perLevel;
  const bytes = 2 ** plan.perLevel * 8;
  const pages = 2 ** (spanLg2 - 12);
  return {
    ...tag,
    level: leaf.level,
    spanLg2,
    frame: frame - (frame % pages),
    table: leaf.at - (leaf.at % bytes),
    allow: allow & 3,
  };
}
