/**
 * The domain changes of a recording, judged when all is read: the gap of each, the order in which caches were told to forget, and
 * numbers of domains that serve again.
 */
import type { EventBatch } from "../../../read/event.js";
import { requesterOf } from "../invalidation/caches.js";
import { doubtOfSpan, type Evidence } from "../invalidation/suspicion.js";
import { askedWords } from "./asked.js";
import { sideOf } from "./attachments.js";
import type { DomainChange, DomainChanges } from "./change.js";
import { ChangeTrail, type Devices, type Done, isBehindVmd } from "./change_trail.js";
import { gapOf } from "./gap.js";
import { deviceNotTold, disorder } from "./order.js";
import { againWords, disorderWords } from "./words.js";

export interface AccusedChange {
  readonly rule: "domain-change-order" | "domain-number-again";
  /** -1 where no event names it. */
  readonly device: number;
  /** Microseconds. */
  readonly time: number;
  readonly words: string;
}

interface Disorder {
  readonly words: string | null;
  readonly unknown: string | null;
}

export class ChangeAudit {
  readonly #devices: Devices;
  readonly #trail: ChangeTrail;

  constructor(devices: Devices) {
    this.#devices = devices;
    this.#trail = new ChangeTrail(devices);
  }

  event(batch: EventBatch, i: number): void {
    this.#trail.event(batch, i);
  }

  /** @param accuse told of each that is proven @returns null where no device was attached to anything */
  finish(evidence: Evidence, accuse: (accused: AccusedChange) => void): DomainChanges | null {
    const { done } = this.#trail;
    this.#trail.finish();
    if (this.#trail.first + done.length + this.#trail.beyond === 0) return null;
    this.#tellBlocked(evidence);
    const disorders: (Disorder | null)[] = done.map((d) => this.#disorderOf(d));
    const kept = disorders.filter((d) => d === null).length;
    const out = disorders.filter((d) => d !== null && d.words !== null).length;
    const isUsual = isMostInOrder(kept, out);
    let broken = 0;
    const changes = done.map((d, n) => {
      const found = disorders[n]!;
      if (found === null) return this.#document(d, "kept", null);
      const doubt =
        found.unknown ??
        this.#doubt(d.since, d.end, evidence) ??
        (isUsual ? null : `${found.words}, as in half of all changes or more`);
      if (doubt !== null) return this.#document(d, "unknown", doubt);
      broken++;
      const words = disorderWords(this.#name(d.device), this.#requester(d.device), d.open, d.end, found.words!);
      accuse({ rule: "domain-change-order", device: d.device, time: d.end, words });
      return this.#document(d, "broken", found.words);
    });
    return {
      first: this.#trail.first,
      count: done.length + this.#trail.beyond,
      broken,
      changes: changes.sort((a, b) => a.time - b.time),
      again: this.#judgeAgain(evidence, accuse),
    };
  }

  /** Where nothing is taken away nothing was there, if descriptors are recorded. */
  #tellBlocked(evidence: Evidence): void {
    const { done, takenToBlock } = this.#trail;
    for (const { change, next, from, to } of takenToBlock) {
      if (this.#doubt(from, to, evidence) !== null) continue;
      const [before, after] = [done[change], done[next]];
      if (before !== undefined) before.to = sideOf("blocked");
      if (after !== undefined) after.from = sideOf("blocked");
    }
  }

  #judgeAgain(evidence: Evidence, accuse: (accused: AccusedChange) => void): DomainChanges["again"] {
    const { count, covered, suspected, ambiguous } = this.#trail.again;
    const unknown = new Map<string, number>();
    let broken = 0;
    for (const s of suspected) {
      const doubt =
        (ambiguous ? severalUnits : null) ??
        (this.#trail.isBehindVmd ? behindVmd : null) ??
        this.#doubt(s.ended, s.again, evidence) ??
        (isMostInOrder(covered, suspected.length) ? null : othersAreNot);
      if (doubt !== null) {
        unknown.set(doubt, (unknown.get(doubt) ?? 0) + 1);
        continue;
      }
      broken++;
      accuse({ rule: "domain-number-again", device: -1, time: s.again, words: againWords(s) });
    }
    const more = count - covered - suspected.length;
    if (more > 0) unknown.set("too many served again", more);
    return { count, covered, broken, unknown: [...unknown].map(([why, n]) => ({ count: n, why })) };
  }

  /** The absence of a descriptor proves something only where descriptors are recorded before and after, and none is lost. */
  #doubt(from: number, to: number, evidence: Evidence): string | null {
    const { firstAsked, lastAsked } = this.#trail;
    if (Number.isNaN(firstAsked)) return noDescriptors;
    return (
      doubtOfSpan(from, to, evidence) ??
      (firstAsked < from && lastAsked > to ? null : "no descriptor is recorded before or after")
    );
  }

  /** @returns what is out of order, or why that is not known; null where all is as it should be */
  #disorderOf({ open, device, how, from, hasDeviceTlb }: Done): Disorder | null {
    const { domain } = from;
    if (domain === null) {
      const isNone = from.kind === "none" || from.kind === "blocked";
      return {
        words: null,
        unknown: isNone ? "no domain was taken away" : "no event shows which domain was taken away",
      };
    }
    const name = device < 0 ? "" : this.#devices.name(device);
    if (device < 0 ? this.#trail.isBehindVmd : isBehindVmd(name)) return { words: null, unknown: behindVmd };
    const about = { domain, pasid: open.pasid, hasDeviceTlb, requester: this.#requester(device) };
    const words = disorder(
      open.steps.map(({ asked }) => asked),
      about,
    );
    return words === null ? null : { words, unknown: how === "release" && words === deviceNotTold ? maybeGone : null };
  }

  #document(d: Done, order: DomainChange["order"], orderNote: string | null): DomainChange {
    const { open, end, device, how, from, to, mapped } = d;
    const requester = this.#requester(device);
    const gap = gapOf(open, end, from, to, requester);
    const isTold = typeof gap !== "string";
    return {
      ...{ time: end / 1e6, began: open.began / 1e6, device: device < 0 ? null : this.#devices.name(device) },
      ...{ pasid: open.pasid, how, from, to },
      gap: isTold ? gap : null,
      gapNote: isTold ? null : gap,
      asked: open.steps.map(({ asked }) => askedWords(asked, requester)),
      ...{ order, orderNote, mapped },
      maps: open.count(device, true),
      unmaps: open.count(device, false),
    };
  }

  #name(device: number): string {
    return device < 0 ? "a device" : this.#devices.name(device);
  }

  #requester(device: number): number {
    return device < 0 ? -1 : requesterOf(this.#devices.name(device));
  }
}

/** Of no more than these, how many are in order tells nothing; that descriptors are recorded before and after is what counts. */
const fewMax = 3;
const isMostInOrder = (kept: number, out: number): boolean => kept + out <= fewMax || kept > out;

/** Linux drivers/iommu/intel/pasid.c, cache.c: what is disconnected is not asked. */
const maybeGone = "a device that is gone is not told to forget";
const behindVmd = "a device behind VMD has no entry of its own";
const othersAreNot = "half of all or more are not seen to be forgotten";
const noDescriptors = "no descriptor of a unit's queue is recorded (intel_iommu:qi_submit)";
const severalUnits = "a domain's number is given out twice: several units number theirs alike";
