/** What an IOMMU of a described machine was asked and told, counted. */
import { AddressType, type DmaRequest, Outcome, type Resolution } from "../../../hw/iommu/core/request.js";
import type { MachineUnit } from "./machine_units.js";

/** What a device asked for: to read, to write, or a translation to keep. */
export type Asked = "read" | "write" | "translation";

/** Requests that were refused alike. */
export interface RefusedAccesses {
  readonly requester: number;
  readonly asked: Asked;
  /** The unit takes it for a fault, which it records. That a device may keep no translation is an answer and none. */
  readonly isFault: boolean;
  /** The unit's own number of the reason, 0 where it is no fault; and the reason as a sentence. */
  readonly code: number;
  readonly words: string;
  readonly count: number;
  /** The device named machine addresses, by translations that it keeps. */
  readonly isTranslated: boolean;
  /** Addresses of the first, each once: of the bus, or of the machine. */
  readonly first: readonly number[];
}

export interface IommuCounts {
  /** Pages that devices asked for with bus addresses of their domain, and how many of them the IOTLB answered. */
  readonly untranslated: number;
  readonly fromCache: number;
  /** Translations that devices with a TLB of their own asked for, and pages that they then reached by those. */
  readonly translationRequests: number;
  readonly translated: number;
  readonly refused: readonly RefusedAccesses[];
  /** What the unit's records told the kernel: a full record tells no more. */
  readonly recorded: number;
  readonly descriptors: readonly { readonly what: string; readonly count: number }[];
  /** Devices that whoever has the unit took away, in which step of the run, and what was refused them after that. */
  readonly takenAway: readonly { readonly requester: number; readonly step: number; readonly refused: number }[];
  /** Answers of devices that had forgotten nothing. */
  readonly wrongAnswers: readonly { readonly requester: number; readonly count: number }[];
  /** Lazy: flushes of a whole domain, and the most addresses that waited for one, which a device may still reach. */
  readonly domainFlushes: number;
  readonly waitingMost: number;
}

const firstMax = 3;

type Open<T> = { -readonly [K in keyof T]: T[K] };

export class IommuTally {
  readonly #kind: Pick<MachineUnit, "typeOf" | "layouts" | "words">;
  #recorded = 0;
  #fromCache = 0;
  #domainFlushes = 0;
  #waitingMost = 0;
  readonly #asked = { [AddressType.untranslated]: 0, [AddressType.translationRequest]: 0, [AddressType.translated]: 0 };
  readonly #refused = new Map<string, Open<RefusedAccesses> & { readonly first: number[] }>();
  readonly #descriptors = new Map<number, number>();
  readonly #takenAway = new Map<number, { readonly step: number; refused: number }>();
  readonly #wrongAnswers = new Map<number, number>();

  /** @param kind how the unit's numbers are called */
  constructor(kind: Pick<MachineUnit, "typeOf" | "layouts" | "words">) {
    this.#kind = kind;
  }

  resolved(r: DmaRequest, { outcome, code, fromCache, allow }: Resolution): void {
    this.#asked[r.type]++;
    if (fromCache && r.type === AddressType.untranslated) this.#fromCache++;
    // That there is no translation is an answer to a device that asked for one, and no fault: it then does without.
    const isLacking = r.type === AddressType.translationRequest && outcome === Outcome.passes && allow === 0;
    if (outcome === Outcome.refused || isLacking) this.#refuse(r, isLacking ? null : code);
  }

  takenAway(requester: number, step: number): void {
    if (!this.#takenAway.has(requester)) this.#takenAway.set(requester, { step, refused: 0 });
  }

  isTakenAway(requester: number): boolean {
    return this.#takenAway.has(requester);
  }

  /** A device answers that it has forgotten what it was told to, and keeps it. */
  answeredWrong(requester: number): void {
    this.#wrongAnswers.set(requester, (this.#wrongAnswers.get(requester) ?? 0) + 1);
  }

  posted(descriptor: ArrayLike<number>): void {
    const type = this.#kind.typeOf(descriptor);
    this.#descriptors.set(type, (this.#descriptors.get(type) ?? 0) + 1);
  }

  recorded(count: number): void {
    this.#recorded += count;
  }

  /** @param waiting addresses of the domain that wait for it */
  flushesAll(waiting: number): void {
    this.#domainFlushes++;
    this.#waitingMost = Math.max(this.#waitingMost, waiting);
  }

  counts(): IommuCounts {
    return {
      untranslated: this.#asked[AddressType.untranslated],
      translationRequests: this.#asked[AddressType.translationRequest],
      translated: this.#asked[AddressType.translated],
      fromCache: this.#fromCache,
      refused: [...this.#refused.values()].sort((a, b) => b.count - a.count),
      recorded: this.#recorded,
      descriptors: [...this.#descriptors]
        .sort(([a], [b]) => a - b)
        .map(([type, count]) => ({ what: this.#titleOf(type), count })),
      takenAway: [...this.#takenAway].map(([requester, t]) => ({ requester, ...t })),
      wrongAnswers: [...this.#wrongAnswers].map(([requester, count]) => ({ requester, count })),
      domainFlushes: this.#domainFlushes,
      waitingMost: this.#waitingMost,
    };
  }

  /** What a command is, in the vendor's words. */
  titleOf(command: ArrayLike<number>): string {
    return this.#titleOf(this.#kind.typeOf(command));
  }

  /** Without the vendor and the word that all of them have. */
  #titleOf(type: number): string {
    const title = this.#kind.layouts[type]?.title ?? `type ${type}`;
    return title.replace(/^(VT-d|AMD-Vi|SMMUv3) /, "").replace(/ descriptor$/, "");
  }

  #refuse({ requester, type, write, frame, offset }: DmaRequest, code: number | null): void {
    const taken = this.#takenAway.get(requester);
    if (taken !== undefined) {
      taken.refused++;
      return;
    }
    const isTranslated = type === AddressType.translated;
    const asked = type === AddressType.translationRequest ? "translation" : write ? "write" : "read";
    const key = `${requester} ${asked} ${code} ${isTranslated}`;
    let row = this.#refused.get(key);
    if (row === undefined) {
      const words = code === null ? noTranslation : (this.#kind.words(code) ?? `reason ${code}`);
      row = { requester, asked, isFault: code !== null, code: code ?? 0, words, isTranslated, count: 0, first: [] };
      this.#refused.set(key, row);
    }
    row.count++;
    const address = frame * 4096 + offset;
    if (row.first.length < firstMax && !row.first.includes(address)) row.first.push(address);
  }
}

const noTranslation = "the tables have no translation for the device to keep";
