/** A request whose entries are here: through a cache, a walk of tables, or no table at all, to a page or a refusal. */
import type { Attachment } from "../../../table/device/index.js";
import { Allow, type FrameSource, Need } from "../../../table/index.js";
import { type EntryFetch, isAttachment } from "./entry_fetch.js";
import { inputFrame } from "./input_frame.js";
import { ownRights, withoutOwnRights } from "./own_rights.js";
import { AddressType, Outcome } from "./request.js";
import { type LiveRequest, lacksRight, needOf, passes, refused, requestOf, Stage } from "./request_state.js";
import type { CachedTable } from "./table_cache.js";
import type { UnitParts } from "./unit_parts.js";
import { hasReached, walked } from "./walked.js";

export class Translation {
  readonly #s: LiveRequest;
  readonly #unit: UnitParts;
  readonly #entries: EntryFetch;
  readonly #tables: FrameSource;

  /** @param tables memory as the unit reads it */
  constructor(unit: UnitParts, s: LiveRequest, entries: EntryFetch, tables: FrameSource) {
    this.#unit = unit;
    this.#s = s;
    this.#entries = entries;
    this.#tables = tables;
  }

  /** Look the address up: refused, passed by no table, found in the IOTLB, or to be walked for. */
  translate(): void {
    const s = this.#s;
    const { caches, model } = this.#unit;
    const found = this.#entries.found();
    if (!isAttachment(found)) {
      refused(s, found.code);
      return;
    }
    const type = model.refusesType(requestOf(s), found);
    if (type !== 0) {
      refused(s, type);
      return;
    }
    if (found.state === "blocked") {
      if (found.allow === Allow.none) lacksRight(s);
      refused(s, model.blocks === undefined ? (found.records ?? null) : model.blocks(found));
      return;
    }
    if (s.type === AddressType.translated || found.state !== "translated") {
      this.#pass(found);
      return;
    }
    const input = inputFrame(found, s.frame);
    const need = needOf(s);
    const own = ownRights(found);
    const hit = (own & need) === need ? caches.translations.find(model.tagOf(found), input, need) : -1;
    if (hit < 0) {
      s.stage = Stage.walk;
      return;
    }
    const { translations } = caches;
    const frame = translations.outputOf(hit) + input - translations.frameOf(hit);
    s.fromCache = 1;
    passes(s, { frame, allow: translations.allowOf(hit) & own, sizeLg2: translations.sizeLg2Of(hit) });
  }

  /** By no table. */
  #pass(found: Attachment): void {
    const s = this.#s;
    const { model } = this.#unit;
    const isTranslated = s.type === AddressType.translated;
    const need = isTranslated ? Need.none : needOf(s);
    const lacks = (found.allow & need) !== need;
    if (lacks) lacksRight(s);
    const code = lacks ? model.lacksRight(s.write === 1) : 0;
    const why = code === 0 ? model.refusesAddress(requestOf(s), found) : code;
    if (why !== 0) refused(s, why);
    else passes(s, { frame: s.frame, allow: isTranslated ? 3 : found.allow, sizeLg2: 12 });
  }

  /** Walk the tables, from a cached one where there is one. */
  walk(): void {
    const s = this.#s;
    const { model, caches } = this.#unit;
    const found = this.#entries.found() as Attachment;
    const attachment = withoutOwnRights(found);
    const tag = model.tagOf(attachment);
    const frame = inputFrame(attachment, s.frame);
    const from: CachedTable | null = attachment.stage === "nested" ? null : caches.tables.find(tag, frame);
    const request = { frame, need: needOf(s), write: s.write === 1 };
    const answer = walked(this.#tables, { attachment, tag, from, codes: model.codes() }, request);
    if (!hasReached(answer)) {
      if (s.type === AddressType.translationRequest && model.isNoTranslation(answer.fault)) {
        passes(s, { frame: 0, allow: 0, sizeLg2: 12 });
        return;
      }
      refused(s, answer.code, answer);
      return;
    }
    if ((ownRights(found) & request.need) !== request.need) {
      lacksRight(s);
      s.refusedIn = found.second === null ? 1 : 2;
      s.refusedAt = Math.min(frame * 4096, Number.MAX_SAFE_INTEGER);
      refused(s, model.lacksRight(s.write === 1));
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

  /** @param way which entry goes */
  keepTable(way: number): void {
    const s = this.#s;
    const tag = this.#unit.model.tagOf(this.#entries.found() as Attachment);
    const { tables } = this.#unit.caches;
    const entry = { level: s.tableLevel, spanLg2: s.tableSpanLg2, frame: s.tableFrame, table: s.tableAt };
    if (s.overtaken === 0) tables.fill({ ...tag, ...entry, allow: s.tableAllow }, way);
    s.stage = Stage.keepTranslation;
  }

  /** @param way which entry goes */
  keepTranslation(way: number): void {
    const s = this.#s;
    const attachment = this.#entries.found() as Attachment;
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
}
