/**
 * One request on its way through a unit, step by step: entries of device tables are fetched piece by piece, caches are
 * asked and filled, tables are walked. Between two steps anything else may happen, so what a device in the midst of a
 * change sees is what these steps see.
 */
import type { Memory } from "../../../mem/memory.js";
import type { MachineState } from "../../../state/machine_state.js";
import { cell, cells, type Live, record, wide } from "../../../state/record.js";
import type { Attachment, EntryRead, LookupFault } from "../../../table/device/index.js";
import { Allow, Fault, type FrameSource, faultParts, Need, type TableRoot } from "../../../table/index.js";
import type { UnitCaches } from "./caches.js";
import { EntryView } from "./entry_view.js";
import { inputFrame } from "./input_frame.js";
import { Refusal, type UnitModel } from "./model.js";
import { AddressType, type DmaRequest, Outcome, type Resolution } from "./request.js";
import type { CachedTable } from "./table_cache.js";
import { unitMemory } from "./unit_memory.js";
import { hasReached, type NotWalked, walked } from "./walked.js";

/** What comes next. */
const Stage = {
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
type Stage = (typeof Stage)[keyof typeof Stage];

const labels: Readonly<Record<Stage, string>> = {
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

const wordsMax = 40;

const TransactionState = record("request", {
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

/** What a unit is made of, as its requests see it. */
export interface UnitParts {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly model: UnitModel;
  readonly caches: UnitCaches;
  /** Bits of an entry of a device table that are fetched at once. */
  readonly fetchBits: 64 | 128 | 256 | 512;
}

export class Transaction {
  readonly name: string;
  /** Its number in the unit. */
  readonly slot: number;
  readonly #s: Live<typeof TransactionState.drafts>;
  readonly #unit: UnitParts;
  readonly #view: EntryView;
  readonly #tables: FrameSource;
  readonly #words = new Uint32Array(wordsMax);
  readonly #piece: Uint32Array;

  constructor(unit: UnitParts, name = "request", slot = 0) {
    this.name = name;
    this.slot = slot;
    this.#unit = unit;
    this.#s = unit.state.place(TransactionState, name);
    this.#piece = new Uint32Array(unit.fetchBits / 32);
    const { memory } = unit;
    this.#tables = unitMemory(memory);
    this.#view = new EntryView(this.#tables, (frame) => frame < memory.frameCount);
  }

  /** True from a request's begin until its access to memory is over (`end`): an invalidation that drains waits for it. */
  get isUnderWay(): boolean {
    return this.#s.stage !== Stage.idle;
  }

  get isWrite(): boolean {
    return this.#s.write === 1;
  }

  get isDone(): boolean {
    return this.#s.stage === Stage.done;
  }

  /** It waits for software to say how it goes on. */
  get isStalled(): boolean {
    return this.#s.stage === Stage.stalled;
  }

  get requester(): number {
    return this.#s.requester;
  }

  /** An invalidation is carried out: what this request read before is not kept after it. */
  overtake(): void {
    if (this.#isAtWork) this.#s.overtaken = 1;
  }

  /** A completion is to come when what is under way now has ended; what stalls is not waited for. */
  await(): void {
    if (this.#isAtWork || this.isDone) this.#s.awaited = 1;
  }

  get isAwaited(): boolean {
    return this.#s.awaited === 1;
  }

  /** Of one that stalls: from its begin again, or to its end. */
  resume(how: "again" | "refused" | "swallowed"): void {
    if (how === "again") {
      this.#again();
      return;
    }
    this.#s.outcome = how === "refused" ? Outcome.refused : Outcome.swallowed;
    this.#s.stage = Stage.done;
  }

  /** The unit was switched on or off: what stalls or waits is refused, all else begins again. */
  restart(): void {
    if (this.isStalled || this.#s.stage === Stage.waits) this.resume("refused");
    else if (this.#isAtWork) this.#again();
  }

  get #isAtWork(): boolean {
    const { stage } = this.#s;
    return stage !== Stage.idle && stage < Stage.done;
  }

  /** Take on a request; the one before is over. */
  begin(r: DmaRequest): void {
    const s = this.#s;
    s.requester = r.requester;
    s.pasid = r.pasid === null ? 0 : r.pasid + 1;
    s.frame = r.frame;
    s.offset = r.offset;
    s.write = r.write ? 1 : 0;
    s.type = r.type;
    s.stage = Stage.lookUp;
  }

  /** The answer was taken: nothing of it is kept, so that equal machines are equal. */
  end(): void {
    const s = this.#s;
    this.#clear();
    s.stage = Stage.idle;
    s.requester = s.pasid = s.offset = s.frame = 0;
    s.write = s.awaited = 0;
    s.type = AddressType.untranslated;
  }

  /** All that was found out about it. */
  #clear(): void {
    const s = this.#s;
    s.wordCount = s.cached = s.wantedCount = s.got = 0;
    s.fault = 0;
    s.fromCache = s.refusedIn = s.refusedOn = s.global = s.overtaken = 0;
    s.wantedAt = s.reached = s.tableAt = s.tableFrame = s.refusedAt = 0;
    s.outcome = Outcome.none;
    s.sizeLg2 = s.allow = s.code = s.tableLevel = s.tableSpanLg2 = s.tableAllow = s.granuleLg2 = s.leafLg2 = 0;
    for (let n = 0; n < wordsMax; n++) if (s.words.get(n) !== 0) s.words.set(n, 0);
  }

  #again(): void {
    this.#clear();
    this.#s.stage = Stage.lookUp;
  }

  get result(): Resolution {
    const s = this.#s;
    return {
      outcome: s.outcome,
      frame: s.reached,
      allow: s.allow,
      sizeLg2: s.sizeLg2,
      code: s.code,
      fromCache: s.fromCache === 1,
    };
  }

  choices(): number {
    const { caches } = this.#unit;
    switch (this.#s.stage) {
      case Stage.idle:
      case Stage.done:
      case Stage.stalled:
        return 0;
      case Stage.waits:
        return this.#unit.model.canRecord() ? 1 : 0;
      case Stage.keepDevice:
        return caches.devices.slots.ways();
      case Stage.keepSpace:
        return caches.spaces.slots.ways();
      case Stage.keepTable:
        return caches.tables.slots.ways();
      case Stage.keepTranslation:
        return caches.translations.slots.ways();
      default:
        return 1;
    }
  }

  label(): string {
    return labels[this.#s.stage];
  }

  /** One piece of one entry is fetched in a step; all else that a step touches is the unit's own. */
  atomic(): string {
    if (this.#s.stage === Stage.walk) return "a walk that a change overtakes is drained before the change counts";
    return "what a unit keeps of a request, its caches and its registers are one to it";
  }

  step(way: number): void {
    const s = this.#s;
    switch (s.stage) {
      case Stage.lookUp:
        this.#lookUp();
        break;
      case Stage.fetch:
        this.#fetch();
        break;
      case Stage.keepDevice:
      case Stage.keepSpace:
        this.#keepEntries(way);
        break;
      case Stage.translate:
        this.#translate();
        break;
      case Stage.walk:
        this.#walk();
        break;
      case Stage.keepTable:
        this.#keepTable(way);
        break;
      case Stage.keepTranslation:
        this.#keepTranslation(way);
        break;
      case Stage.refuse:
        this.#refuse();
        break;
      default:
        this.#again();
        break;
    }
  }

  get #pasid(): number | null {
    return this.#s.pasid === 0 ? null : this.#s.pasid - 1;
  }

  #lookUp(): void {
    const s = this.#s;
    const { model, caches } = this.#unit;
    if (s.type === AddressType.untranslated && model.isMessage(s.frame)) {
      if (s.write === 1) {
        s.outcome = Outcome.message;
        s.stage = Stage.done;
      } else {
        this.#refused(model.isOn() ? (model.readsMessage?.() ?? null) : null);
      }
      return;
    }
    s.wordCount = s.cached = 0;
    const device = model.isOn() ? caches.devices.find(s.requester, null) : -1;
    if (device >= 0) this.#takeCached(device);
    this.#goOn();
  }

  /** Entries from caches, as far as they have the form that the unit now reads. */
  #takeCached(device: number): void {
    const s = this.#s;
    const { model, caches } = this.#unit;
    const words = caches.devices.copyTo(device, this.#words, 0);
    const space = caches.spaces.find(s.requester, this.#pasid);
    const all = space < 0 ? words : words + caches.spaces.copyTo(space, this.#words, words);
    s.words.copyFrom(this.#words);
    s.wordCount = all;
    this.#found();
    if (this.#view.wordsOf(model.deviceEntries()) !== words) s.wordCount = 0;
    else {
      s.cached = this.#view.wordsOf(Number.POSITIVE_INFINITY) === all && space >= 0 ? 2 : 1;
      if (s.cached === 1) s.wordCount = words;
    }
  }

  /** With the entries that are here: is another one needed? */
  #goOn(): void {
    const s = this.#s;
    this.#found();
    if (s.wordCount + this.#view.wantedCount > wordsMax) {
      // Registers changed meanwhile, and the entries that are here are of another form.
      this.#again();
      return;
    }
    if (this.#view.wantedCount > 0) {
      s.wantedAt = this.#view.wantedAt;
      s.wantedCount = this.#view.wantedCount;
      s.got = 0;
      s.stage = Stage.fetch;
      return;
    }
    s.stage = this.#keeping();
  }

  /** What comes after the last entry: keeping what was fetched. */
  #keeping(): Stage {
    const s = this.#s;
    const found = this.#found();
    const own = this.#unit.model.deviceEntries();
    const count = this.#view.entryCount;
    const isKept = isAttachment(found) || this.#unit.model.keepsInvalid;
    if (s.cached === 0 && count >= own && (isKept || count > own)) return Stage.keepDevice;
    if (s.cached < 2 && count > own && isKept) return Stage.keepSpace;
    return Stage.translate;
  }

  #found(): Attachment | LookupFault {
    const s = this.#s;
    const { model } = this.#unit;
    s.words.copyTo(this.#words);
    this.#view.begin(this.#words, s.wordCount);
    return model.lookup(this.#view, { requester: s.requester, pasid: this.#pasid, type: s.type });
  }

  #fetch(): void {
    const s = this.#s;
    const count = Math.min(this.#piece.length, s.wantedCount - s.got);
    const piece = this.#piece.subarray(0, count);
    this.#unit.memory.load(s.wantedAt + s.got * 4, piece);
    s.words.copyFrom(piece, s.wordCount + s.got);
    s.got += count;
    if (s.got < s.wantedCount) return;
    s.wordCount += s.wantedCount;
    s.wantedAt = s.wantedCount = s.got = 0;
    this.#goOn();
  }

  #keepEntries(way: number): void {
    const s = this.#s;
    const { caches, model } = this.#unit;
    const found = this.#found();
    const split = this.#view.wordsOf(model.deviceEntries());
    const domain = isAttachment(found) ? model.tagOf(found).domain : 0;
    if (s.stage === Stage.keepDevice) {
      if (s.overtaken === 0)
        caches.devices.fill({ requester: s.requester, pasid: null, domain }, this.#words.subarray(0, split), way);
      s.cached = 1;
    } else {
      const words = this.#words.subarray(split, s.wordCount);
      if (s.overtaken === 0) caches.spaces.fill({ requester: s.requester, pasid: this.#pasid, domain }, words, way);
      s.cached = 2;
    }
    s.stage = this.#keeping();
  }

  #translate(): void {
    const s = this.#s;
    const { caches, model } = this.#unit;
    const found = this.#found();
    if (!isAttachment(found)) {
      this.#refused(found.code);
      return;
    }
    const type = model.refusesType(this.#request(), found);
    if (type !== 0) {
      this.#refused(type);
      return;
    }
    if (found.state === "blocked") {
      if (found.allow === Allow.none) this.#lacksRight();
      this.#refused(model.blocks === undefined ? (found.records ?? null) : model.blocks(found));
      return;
    }
    if (s.type === AddressType.translated || found.state !== "translated") {
      this.#pass(found);
      return;
    }
    const input = inputFrame(found, s.frame);
    const need = this.#need();
    const own = ownRights(found);
    const hit = (own & need) === need ? caches.translations.find(model.tagOf(found), input, need) : -1;
    if (hit < 0) {
      s.stage = Stage.walk;
      return;
    }
    const { translations } = caches;
    const frame = translations.outputOf(hit) + input - translations.frameOf(hit);
    s.fromCache = 1;
    this.#passes({ frame, allow: translations.allowOf(hit) & own, sizeLg2: translations.sizeLg2Of(hit) });
  }

  /** By no table. */
  #pass(found: Attachment): void {
    const s = this.#s;
    const { model } = this.#unit;
    const isTranslated = s.type === AddressType.translated;
    const need = isTranslated ? Need.none : this.#need();
    const lacks = (found.allow & need) !== need;
    if (lacks) this.#lacksRight();
    const code = lacks ? model.lacksRight(s.write === 1) : 0;
    const refused = code === 0 ? model.refusesAddress(this.#request(), found) : code;
    if (refused !== 0) this.#refused(refused);
    else this.#passes({ frame: s.frame, allow: isTranslated ? 3 : found.allow, sizeLg2: 12 });
  }

  /** Its own entry does not let the device do so. */
  #lacksRight(): void {
    this.#s.fault = -(this.#s.write === 1 ? Fault.writeRefused : Fault.readRefused);
  }

  #need(): Need {
    if (this.#s.type === AddressType.translationRequest) return Need.none;
    return this.#s.write === 1 ? Need.write : Need.read;
  }

  #walk(): void {
    const s = this.#s;
    const { model, caches } = this.#unit;
    const found = this.#found() as Attachment;
    const attachment = withoutOwnRights(found);
    const tag = model.tagOf(attachment);
    const frame = inputFrame(attachment, s.frame);
    const from: CachedTable | null = attachment.stage === "nested" ? null : caches.tables.find(tag, frame);
    const request = { frame, need: this.#need(), write: s.write === 1 };
    const answer = walked(this.#tables, { attachment, tag, from, codes: model.codes() }, request);
    if (!hasReached(answer)) {
      if (s.type === AddressType.translationRequest && model.isNoTranslation(answer.fault)) {
        this.#passes({ frame: 0, allow: 0, sizeLg2: 12 });
        return;
      }
      this.#refused(answer.code, answer);
      return;
    }
    if ((ownRights(found) & request.need) !== request.need) {
      this.#lacksRight();
      s.refusedIn = found.second === null ? 1 : 2;
      s.refusedAt = Math.min(frame * 4096, Number.MAX_SAFE_INTEGER);
      this.#refused(model.lacksRight(s.write === 1));
      return;
    }
    s.outcome = Outcome.passes;
    s.reached = answer.frame;
    s.allow = answer.allow;
    s.sizeLg2 = answer.sizeLg2;
    s.global = answer.global ? 1 : 0;
    s.granuleLg2 = answer.granuleLg2;
    s.leafLg2 = answer.leafLg2;
    const { table } = answer;
    if (table !== null) {
      s.tableAt = table.table;
      s.tableFrame = table.frame;
      s.tableLevel = table.level;
      s.tableSpanLg2 = table.spanLg2;
      s.tableAllow = table.allow;
    }
    s.stage = table === null ? Stage.keepTranslation : Stage.keepTable;
  }

  #keepTable(way: number): void {
    const s = this.#s;
    const tag = this.#unit.model.tagOf(this.#found() as Attachment);
    const { tables } = this.#unit.caches;
    const entry = { level: s.tableLevel, spanLg2: s.tableSpanLg2, frame: s.tableFrame, table: s.tableAt };
    if (s.overtaken === 0) tables.fill({ ...tag, ...entry, allow: s.tableAllow }, way);
    s.stage = Stage.keepTranslation;
  }

  #keepTranslation(way: number): void {
    const s = this.#s;
    const attachment = this.#found() as Attachment;
    const tag = this.#unit.model.tagOf(attachment);
    const pages = 2 ** (s.sizeLg2 - 12);
    const input = inputFrame(attachment, s.frame);
    const inside = input % pages;
    const entry = { ...tag, frame: input - inside, output: s.reached - inside, sizeLg2: s.sizeLg2, allow: s.allow };
    const origin = {
      global: s.global === 1,
      granuleLg2: s.granuleLg2,
      leafLg2: s.leafLg2,
      composed: attachment.stage === "nested",
    };
    if (s.overtaken === 0) this.#unit.caches.translations.fill({ ...entry, ...origin }, way);
    s.allow &= ownRights(attachment);
    s.stage = Stage.done;
  }

  #passes(o: { readonly frame: number; readonly allow: number; readonly sizeLg2: number }): void {
    const s = this.#s;
    s.outcome = Outcome.passes;
    s.reached = o.frame;
    s.allow = o.allow;
    s.sizeLg2 = o.sizeLg2;
    s.stage = Stage.done;
  }

  /** @param code null: the unit says nothing @param walk that ended so; null where it did not come to one */
  #refused(code: number | null, walk: NotWalked | null = null): void {
    const s = this.#s;
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

  #refuse(): void {
    const s = this.#s;
    const { entries }: { readonly entries: readonly EntryRead[] } = this.#found();
    const stage = s.refusedIn === 0 ? null : s.refusedIn === 1 ? "first" : "second";
    const at = stage === null ? this.#view.outsideAt : s.refusedAt;
    const { slot } = this;
    const fault = s.fault === 0 ? null : faultParts(-s.fault).name;
    const where = { stage, fault, onTable: s.refusedOn === 1, at, slot } as const;
    const then = this.#unit.model.record({ ...this.#request(), code: s.code, entries, ...where });
    if (then === Refusal.swallows) s.outcome = Outcome.swallowed;
    s.stage = then === Refusal.stalls ? Stage.stalled : then === Refusal.waits ? Stage.waits : Stage.done;
    if (s.stage !== Stage.done) s.awaited = 0;
  }

  #request(): DmaRequest {
    const s = this.#s;
    return {
      requester: s.requester,
      pasid: this.#pasid,
      frame: s.frame,
      offset: s.offset,
      write: s.write === 1,
      type: s.type,
    };
  }
}

/** What the device's own entry lets pass, whatever the tables say: not of the tables, so not kept with what they gave. */
const ownRights = ({ first, second }: Attachment): number => (second ?? first[0]!).allow;

function withoutOwnRights(a: Attachment): Attachment {
  if (ownRights(a) === Allow.readWrite) return a;
  const of = (root: TableRoot): TableRoot => ({ ...root, allow: Allow.readWrite });
  return { ...a, first: a.first.map(of), second: a.second === null ? null : of(a.second) };
}

const isAttachment = (found: Attachment | LookupFault): found is Attachment => "state" in found;
