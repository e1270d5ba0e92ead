/** An SMMUv3 as the core asks for it: its tables, its tags, and what becomes of what it refuses. */
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import { ContextDescriptor as Cd } from "../../../spec/smmuv3/context_descriptor.js";
import { Cr2 } from "../../../spec/smmuv3/control_registers.js";
import { Cr0, Idr0 } from "../../../spec/smmuv3/registers.js";
import { StreamEntry as Ste } from "../../../spec/smmuv3/stream_table.js";
import type { Attachment, LookupFault } from "../../../table/device/index.js";
import type { FaultName } from "../../../table/index.js";
import { Refusal, type RefusedRequest, type UnitModel, type Whose } from "../core/model.js";
import { AddressType, type DmaRequest } from "../core/request.js";
import type { Tag } from "../core/tag.js";
import { contextFault } from "./context_fetch.js";
import type { SmmuEventQueue } from "./event_queue.js";
import { During, Event, type EventFacts, eventWords } from "./event_words.js";
import { tagOf, wordsOf } from "./regimes.js";
import type { SmmuRegisters } from "./registers.js";
import { lookUp } from "./smmu_lookup.js";
import { isTwoLevel, outputBits, SmmuRoots } from "./smmu_root.js";

/** The faults for which CD.A, R and S, and STE.S2R and S2S say what happens. 5.5. */
const ofTranslation: ReadonlySet<number> = new Set([
  ...[Event.translation, Event.addressSize, Event.access, Event.permission],
]);

export class SmmuModel implements UnitModel {
  /** 3.21.3: structures may be cached whether they are valid or not. */
  readonly keepsInvalid = true;
  readonly #memory: MemoryView;
  readonly #registers: SmmuRegisters;
  readonly #events: SmmuEventQueue;
  readonly #roots: SmmuRoots;

  constructor(o: { readonly memory: MemoryView; readonly registers: SmmuRegisters; readonly events: SmmuEventQueue }) {
    this.#memory = o.memory;
    this.#registers = o.registers;
    this.#events = o.events;
    this.#roots = new SmmuRoots(o.registers);
  }

  isOn(): boolean {
    return this.#registers.read("cr0ack", Cr0.smmuen) === 1;
  }

  /** CR0ACK, ATSCHK with it, is one of those that the root is made of. */
  settings(): object {
    return this.#roots.root;
  }

  lookup(view: MemoryView, whose: Whose): Attachment | LookupFault {
    return lookUp(view, this.#roots.root, whose, this.#registers.read("cr0ack", Cr0.atschk) === 1);
  }

  /** The entry, and the descriptor of level 1 that leads to it. */
  deviceEntries(): number {
    return isTwoLevel(this.#registers) ? 2 : 1;
  }

  codes() {
    return "smmuv3" as const;
  }

  tagOf(a: Attachment): Tag {
    const has = {
      second: this.#registers.read("idr0", Idr0.s2p) === 1,
      e2h: this.#registers.read("cr2", Cr2.e2h) === 1,
    };
    return tagOf(a.entries, a.stage === "first" || a.stage === "nested", has);
  }

  /** Interrupt messages of devices are translated like all else. */
  isMessage(): boolean {
    return false;
  }

  refusesType({ type }: DmaRequest, attachment: Attachment): number {
    if (type === AddressType.untranslated) return 0;
    if (this.isOn() && (attachment.state === "blocked" || attachment.ats)) return 0;
    return type === AddressType.translated ? Event.translatedForbidden : Event.badTranslationRequest;
  }

  lacksRight(): number {
    return Event.permission;
  }

  /** 7.3.14: what passes as it is must be an address that there is. */
  refusesAddress({ frame }: DmaRequest): number {
    return frame < 2 ** (outputBits(this.#registers) - 12) ? 0 : Event.addressSize;
  }

  isNoTranslation(fault: FaultName): boolean {
    return fault !== "outside";
  }

  record(r: RefusedRequest): Refusal {
    if (!this.#isTold(r)) return Refusal.ends;
    const facts = this.#factsOf(r);
    if (!ofTranslation.has(facts.code)) {
      this.#events.put(eventWords(facts));
      return Refusal.ends;
    }
    const { stalls, records, aborts } = this.#configured(r, facts);
    if (stalls && !this.#events.isWritable) return Refusal.waits;
    if (stalls || records) this.#events.put(eventWords({ ...facts, stalls }));
    if (stalls) return Refusal.stalls;
    return aborts ? Refusal.ends : Refusal.swallows;
  }

  canRecord(): boolean {
    return this.#events.isWritable;
  }

  /** Of requests of ATS only that they are forbidden; of a unit that is off nothing else; of streams beyond the table where CR2 says so. */
  #isTold({ code, type }: RefusedRequest): boolean {
    if (type === AddressType.translated) return code === Event.translatedForbidden;
    if (type === AddressType.translationRequest) return code === Event.badTranslationRequest;
    if (!this.isOn()) return false;
    return code !== Event.badStream || this.#registers.read("cr2", Cr2.recInvSid) === 1;
  }

  #factsOf(r: RefusedRequest): EventFacts {
    const ste = wordsOf(r.entries, Ste.$);
    const privileged = ste !== undefined && read(ste, 0, Ste.privCfg) === 3;
    const facts = { code: r.code, request: r, privileged, stalls: false, tag: r.slot, other: r.at };
    // No walk, and a translation is missing: for a context descriptor, unless that was read and walks nothing.
    if (r.stage === null && r.code === Event.translation && wordsOf(r.entries, Cd.$) === undefined) {
      const fault = contextFault(this.#memory, this.#roots.root, r.entries, r.pasid ?? 0);
      const { code, at } = fault ?? { code: r.code, at: 0 };
      return { ...facts, code, other: at, second: true, during: During.context };
    }
    const ofTable = r.onTable || (r.code === Event.walkAbort && r.stage === "first");
    return { ...facts, second: r.stage === "second", during: ofTable ? During.table : During.input };
  }

  /** What the stage that refused is told to do. */
  #configured(r: RefusedRequest, { second }: EventFacts) {
    const [ste, cd] = [wordsOf(r.entries, Ste.$), wordsOf(r.entries, Cd.$)];
    if (second && ste !== undefined) {
      return { stalls: read(ste, 0, Ste.s2S) === 1, records: read(ste, 0, Ste.s2R) === 1, aborts: true };
    }
    // A stream without first stage, or past it, whose address is too large: nothing says otherwise.
    if (cd === undefined || (r.stage === null && r.code === Event.addressSize)) {
      return { stalls: false, records: true, aborts: true };
    }
    const aborts = read(cd, 0, Cd.a) === 1 || this.#registers.read("idr0", Idr0.termModel) === 1;
    return { stalls: read(cd, 0, Cd.s) === 1, records: read(cd, 0, Cd.r) === 1, aborts };
  }
}
