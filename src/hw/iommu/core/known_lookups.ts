/**
 * What look-ups came to, by all that decides about them: the same words, asked for the same device, say the same.
 *
 * No state of the unit: whoever forgets it all finds the same again. Look-ups that read memory besides the entries (stage 1
 * structures that a second stage leads to) are not remembered.
 */
import type { Attachment, LookupFault } from "../../../table/device/index.js";
import type { EntryView, Looked } from "./entry_view.js";
import type { UnitModel, Whose } from "./model.js";

const knownMax = 32;

interface Known extends Whose {
  readonly settings: object;
  readonly words: Uint32Array;
  readonly found: Attachment | LookupFault;
  readonly looked: Looked;
}

export class KnownLookups {
  readonly #model: UnitModel;
  readonly #known: Known[] = [];

  constructor(model: UnitModel) {
    this.#model = model;
  }

  /** What `view`, of which a look-up has begun, leads a device to; `view` is left as by the look-up itself. */
  find(view: EntryView, requester: number, pasid: number | null, type: Whose["type"]): Attachment | LookupFault {
    const settings = this.#model.settings();
    for (const k of this.#known) {
      if (k.settings !== settings || k.requester !== requester || k.pasid !== pasid || k.type !== type) continue;
      if (!holds(view, k.words)) continue;
      view.looked(k.looked);
      return k.found;
    }
    const whose = { requester, pasid, type };
    const found = this.#model.lookup(view, whose);
    if (!view.readPages) {
      if (this.#known.length === knownMax) this.#known.length = 0;
      const words = view.words.slice(0, view.wordCount);
      this.#known.push({ ...whose, settings, words, found, looked: view.asLooked() });
    }
    return found;
  }
}

function holds({ words, wordCount }: EntryView, known: Uint32Array): boolean {
  if (known.length !== wordCount) return false;
  for (let n = 0; n < wordCount; n++) if (known[n] !== words[n]) return false;
  return true;
}
