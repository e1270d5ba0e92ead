/**
 * What a request is attached to: as the tables say, and for requests of ATS as 3.9.1 of the specification says.
 *
 * Source: IHI 0070 G, 3.9.1.2 (requests for a translation), 3.9.1.3 (translated requests), 7.3.6, 7.3.8.
 */
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import { StreamEntry as Ste, StreamConfig } from "../../../spec/smmuv3/stream_table.js";
import { isLookupEnd, Path } from "../../../table/device/entry.js";
import { type Attachment, deviceTables, type LookupFault, type UnitRoot } from "../../../table/device/index.js";
import { faultOf, made } from "../../../table/device/made.js";
import { decide } from "../../../table/device/smmuv3_entry.js";
import { findStream } from "../../../table/device/smmuv3_stream.js";
import type { Whose } from "../core/model.js";
import { AddressType } from "../core/request.js";
import { Event } from "./event_words.js";
import { wordsOf } from "./regimes.js";

export function lookUp(
  view: MemoryView,
  unit: UnitRoot,
  { requester, pasid, type }: Whose,
  checksTranslated: boolean,
): Attachment | LookupFault {
  if (type === AddressType.translated && unit.translating === true) {
    return ofTranslated(view, unit, requester, checksTranslated);
  }
  const found = deviceTables.smmuv3.lookup(view, unit, requester, pasid);
  return type === AddressType.translationRequest ? ofRequest(found) : found;
}

/** The stream's entry alone says whether a device may use addresses of its own; unchecked, any may. */
function ofTranslated(
  view: MemoryView,
  unit: UnitRoot,
  requester: number,
  isChecked: boolean,
): Attachment | LookupFault {
  const whose = { unit, requester, pasid: null };
  const path = new Path();
  if (!isChecked) return made(whose, path, "bypass", "CR0.ATSCHK is 0: nothing is looked up", { ats: true });
  const words = findStream(view, unit, requester, path);
  if (isLookupEnd(words)) return faultOf(words);
  const stream = decide(whose, words, path);
  if (isLookupEnd(stream)) return faultOf(stream);
  if ("state" in stream) return stream;
  return made(whose, path, "bypass", "the stream's entry is valid", { ats: stream.ats });
}

/** Faults of tables are no faults to who only asks: there is no translation. */
function ofRequest(found: Attachment | LookupFault): Attachment | LookupFault {
  const ste = wordsOf(found.entries, Ste.$);
  if (ste === undefined || ("code" in found && found.code === Event.badEntry)) return found;
  if (read(ste, 0, Ste.config) < StreamConfig.bypass) return found;
  const ats = read(ste, 0, Ste.eats) !== 0 && read(ste, 0, Ste.config) !== StreamConfig.bypass;
  if (!ats) {
    return { code: Event.badTranslationRequest, why: "the stream's entry forbids ATS", entries: found.entries };
  }
  if ("code" in found) return found.code === Event.translation ? none(found) : found;
  if (found.state === "blocked") return none(found);
  return { ...found, ats: true };
}

/** No right to anything. */
function none({ entries, why }: LookupFault | Attachment): Attachment {
  const unit = { segment: 0 } as UnitRoot;
  return made({ unit, requester: 0, pasid: null }, { entries }, "bypass", why, { ats: true, allow: 0 });
}
