/** What a request on its way through a unit holds, and how it comes to an answer. */
import { cell, cells, type Live, record, wide } from "../../../state/record.js";
import { Fault, Need } from "../../../table/index.js";
import { AddressType, type DmaRequest, Outcome } from "./request.js";
import type { NotWalked } from "./walked.js";

/** What comes next. */
export const Stage = {
  idle: 0,
  lookUp: 1,
  fetch: 2,
  keepDevice: 3,
  keepSpace: 4,
  translate: 5,
  walk: 6,
  keepTable: 7,
  keepTranslation: 8,
  refuse: 9,
  done: 10,
  stalled: 11,
  waits: 12,
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

export const labels: Readonly<Record<Stage, string>> = {
  [Stage.idle]: "nothing",
  [Stage.lookUp]: "look the device up",
  [Stage.fetch]: "fetch a piece of an entry",
  [Stage.keepDevice]: "keep the device's entries",
  [Stage.keepSpace]: "keep the address space's entries",
  [Stage.translate]: "look the address up",
  [Stage.walk]: "walk the table",
  [Stage.keepTable]: "keep the table's address",
  [Stage.keepTranslation]: "keep the translation",
  [Stage.refuse]: "record the refusal",
  [Stage.done]: "done",
  [Stage.stalled]: "stalled",
  [Stage.waits]: "try again, now that a refusal can be recorded",
};

export const wordsMax = 40;

export const TransactionState = record("request", {
  stage: cell<Stage>("what comes next"),
  requester: cell("who asks"),
  pasid: cell("PASID plus one; 0 = none"),
  frame: wide("page of the address"),
  offset: cell("byte in it"),
  write: cell<0 | 1>("1 = a write"),
  type: cell<AddressType>("how the address is meant"),
  wordCount: cell("words of entries that are here"),
  words: cells(wordsMax, "entries of device tables, as they were fetched or cached"),
  cached: cell("1 = the device's entries came from the cache; 2 = the address space's too"),
  wantedAt: wide("entry that is being fetched"),
  wantedCount: cell("words of it"),
  got: cell("words of it that are here"),
  outcome: cell<Outcome>("what became of it"),
  reached: wide("page that it reaches"),
  sizeLg2: cell("log2 of the bytes that translate alike"),
  allow: cell("rights"),
  code: cell("why it was refused"),
  refusedIn: cell<0 | 1 | 2>("stage of the tables that refused; 0 = none"),
  fault: cell(
    "why the tables refused, or the device's own entry, as the walker's number without its sign; 0 = another reason",
  ),
  refusedOn: cell<0 | 1>("1 = the second stage refused a table of the first"),
  refusedAt: wide("what the stage that refused was given, or what memory does not hold"),
  fromCache: cell<0 | 1>("1 = the answer came from the IOTLB"),
  tableAt: wide("table to be kept; 0 = none"),
  tableFrame: wide("first page that it translates"),
  tableLevel: cell("its level"),
  tableSpanLg2: cell("log2 of the bytes that it translates"),
  tableAllow: cell("rights of what leads to it"),
  global: cell<0 | 1>("1 = the translation counts for every address space"),
  granuleLg2: cell("log2 of the granule of the tables"),
  leafLg2: cell("log2 of the bytes of the leaf"),
  overtaken: cell<0 | 1>("1 = an invalidation came meanwhile: nothing of it is kept"),
  awaited: cell<0 | 1>("1 = a completion waits for its end"),
});

export type LiveRequest = Live<typeof TransactionState.drafts>;

/** Forget all that was found out about it; what was asked stays. */
export function forgetFindings(s: LiveRequest): void {
  s.wordCount = s.cached = s.wantedCount = s.got = 0;
  s.fault = 0;
  s.fromCache = s.refusedIn = s.refusedOn = s.global = s.overtaken = 0;
  s.wantedAt = s.reached = s.tableAt = s.tableFrame = s.refusedAt = 0;
  s.outcome = Outcome.none;
  s.sizeLg2 = s.allow = s.code = s.tableLevel = s.tableSpanLg2 = s.tableAllow = s.granuleLg2 = s.leafLg2 = 0;
  for (let n = 0; n < wordsMax; n++) if (s.words.get(n) !== 0) s.words.set(n, 0);
}

/** All that was found out is forgotten, and it is looked up anew. */
export function beginAgain(s: LiveRequest): void {
  forgetFindings(s);
  s.stage = Stage.lookUp;
}

/** It reaches a page. */
export function passes(
  s: LiveRequest,
  o: { readonly frame: number; readonly allow: number; readonly sizeLg2: number },
): void {
  s.outcome = Outcome.passes;
  s.reached = o.frame;
  s.allow = o.allow;
  s.sizeLg2 = o.sizeLg2;
  s.stage = Stage.done;
}

/** @param code null: the unit says nothing @param walk that ended so; null where it did not come to one */
export function refused(s: LiveRequest, code: number | null, walk: NotWalked | null = null): void {
  s.outcome = code === null ? Outcome.dropped : Outcome.refused;
  s.code = code ?? 0;
  if (walk !== null) {
    s.refusedIn = walk.stage === "first" ? 1 : 2;
    s.fault = -Fault[walk.fault];
    s.refusedOn = walk.onTable ? 1 : 0;
    s.refusedAt = Math.min(walk.at, Number.MAX_SAFE_INTEGER);
  }
  s.stage = code === null ? Stage.done : Stage.refuse;
}

/** Its own entry does not let the device do so. */
export function lacksRight(s: LiveRequest): void {
  s.fault = -(s.write === 1 ? Fault.writeRefused : Fault.readRefused);
}

export function needOf({ type, write }: LiveRequest): Need {
  if (type === AddressType.translationRequest) return Need.none;
  return write === 1 ? Need.write : Need.read;
}

export const pasidOf = ({ pasid }: LiveRequest): number | null => (pasid === 0 ? null : pasid - 1);

export function requestOf(s: LiveRequest): DmaRequest {
  const { requester, frame, offset, write, type } = s;
  return { requester, pasid: pasidOf(s), frame, offset, write: write === 1, type };
}
