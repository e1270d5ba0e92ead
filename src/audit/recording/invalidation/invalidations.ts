/** What the invalidations of a recording answer: each unmapping covered in time, accused, or unknown and why. */
import { type EventBatch, EventKind } from "../../../read/event.js";
import { descriptorType } from "../../../spec/vtd/descriptors.js";
import { Coverage } from "./coverage.js";
import type { ReachableAfterUnmap } from "./reach.js";
import { accusation, doubt, type Evidence, type Names, type Suspicion } from "./suspicion.js";

export interface Invalidations {
  /** Ranges that were unmapped from an IOMMU. */
  readonly unmaps: number;
  /** Those that all caches were told to forget before the address was used again. */
  readonly covered: number;
  /** Of them, those whose domain no event names: forgotten in every domain that is ever flushed. */
  readonly coveredInAll: number;
  /** Those whose memory was mapped anew before caches forgot it: lazy domains let that be. */
  readonly mappedAnew: number;
  /** Those that were not, and the recording proves it. */
  readonly broken: number;
  /** Those that nothing had reached when the recording ended, and that were not used again. */
  readonly waiting: number;
  readonly unknown: readonly { readonly count: number; readonly why: string }[];
  /** Descriptors of units' queues, by what they ask for. */
  readonly descriptors: readonly { readonly kind: string; readonly count: number }[];
  /** Flushes that the driver set out to make, as it says itself. */
  readonly flushes: number;
  /** How long unmapped memory stayed reachable; null where that cannot be told. */
  readonly reachable: ReachableAfterUnmap | null;
  /** Why nothing is told; null where something is. */
  readonly note: string | null;
}

/** What is known of the recording besides its events. */
export interface RecordingFacts {
  readonly completeFrom: number;
  readonly stopped: Evidence["stopped"];
  readonly excerpt: boolean;
  /** CPUs that the machine has; 0 where that is not said. */
  readonly cpus: number;
  /** Why events of others may be missing throughout. */
  readonly missing: string | null;
}

export interface Accused extends Suspicion {
  readonly words: string;
}

/** By their type; what is rarer goes by its number. Source: VT-d 4.1, 6.5.2. */
const descriptorNames = [
  ...["", "context cache", "IOTLB", "device TLB", "interrupt entries", "wait", "IOTLB by PASID", "PASID cache"],
  ...["device TLB by PASID", "page response"],
];

const nothingRecorded =
  "no invalidation is recorded: drivers of AMD and Arm write no event of them, and Intel's where intel_iommu events are off";

const othersAreNot = "most unmappings of its domain are not seen to be forgotten";

/** Whether an event is one that only a machine with an IOMMU has. */
const isOfIommu = (kind: number): boolean =>
  kind === EventKind.iommuMap ||
  kind === EventKind.iommuUnmap ||
  kind === EventKind.iommuDevice ||
  kind === EventKind.iommuJoined ||
  kind === EventKind.descriptor ||
  (kind >= EventKind.cacheAssigned && kind <= EventKind.cacheFlushed);

export class InvalidationAudit {
  readonly #coverage: Coverage;
  readonly #names: Names;
  readonly #types = new Map<number, number>();
  /** Time of the last event of each CPU, and spans in which one lost events. */
  readonly #lastOf: number[] = [];
  readonly #gaps: { readonly from: number; readonly to: number }[] = [];
  #flushes = 0;
  #isOn = false;

  constructor(names: Names) {
    this.#names = names;
    this.#coverage = new Coverage((device) => names.device(device));
  }

  event(batch: EventBatch, i: number): void {
    const kind = batch.kind[i]!;
    if (!this.#isOn && !isOfIommu(kind)) return;
    this.#isOn = true;
    const cpu = batch.cpu[i]!;
    const time = batch.time[i]!;
    if (kind === EventKind.lost) this.#gaps.push({ from: this.#lastOf[cpu] ?? Number.NEGATIVE_INFINITY, to: time });
    this.#lastOf[cpu] = time;
    if (kind === EventKind.descriptor) {
      const type = descriptorType([batch.attrs[i]!]);
      this.#types.set(type, (this.#types.get(type) ?? 0) + 1);
    } else if (kind === EventKind.cacheFlushed) this.#flushes++;
    this.#coverage.event(batch, i);
  }

  /** @param accuse told of each that is proven @returns null where nothing was unmapped and nothing invalidated */
  finish(facts: RecordingFacts, accuse: (accused: Accused) => void): Invalidations | null {
    const c = this.#coverage;
    c.finish();
    if (c.unmaps === 0 && c.orders === 0) return null;
    const descriptors = [...this.#types]
      .sort(([a], [b]) => a - b)
      .map(([type, count]) => ({ kind: descriptorNames[type] ?? `type ${type}`, count }));
    const seen = { unmaps: c.unmaps, descriptors, flushes: this.#flushes };
    const note =
      c.orders === 0 && !c.caches.isTagged
        ? nothingRecorded
        : c.caches.ambiguous
          ? "a domain's number is given out twice: several units number theirs alike, or lines are out of order or stand here twice"
          : null;
    if (note !== null) {
      const unknown = c.unmaps === 0 ? [] : [{ count: c.unmaps, why: note }];
      return {
        ...seen,
        covered: 0,
        coveredInAll: 0,
        mappedAnew: 0,
        broken: 0,
        waiting: 0,
        unknown,
        reachable: null,
        note,
      };
    }
    const unknown = new Map<string, number>();
    const add = (why: string, count: number) => count > 0 && unknown.set(why, (unknown.get(why) ?? 0) + count);
    const evidence = this.evidence(facts);
    let broken = 0;
    for (const s of c.suspicions) {
      const why = doubt(s, evidence) ?? (this.#mostAre(s) ? null : othersAreNot);
      if (why !== null) {
        add(why, 1);
        continue;
      }
      broken++;
      accuse({ ...s, words: accusation(s, this.#names) });
    }
    add("too many were used again before", c.suspected - c.suspicions.length);
    add("no event names whose they are", c.unknown);
    add("too many waited at once", c.beyond);
    add("their domain was given up", c.ended);
    return {
      ...seen,
      ...{
        covered: c.covered,
        coveredInAll: c.coveredInAll,
        mappedAnew: c.stillReachable.mappedAnew,
        broken,
        waiting: c.waiting,
      },
      unknown: [...unknown].map(([why, count]) => ({ count, why })),
      reachable: c.caches.isTagged ? c.reach.finish() : null,
      note: null,
    };
  }

  /** What is known of the recording when all is read. */
  evidence(facts: RecordingFacts): Evidence {
    return { ...facts, gaps: this.#gaps, partial: this.#partial(facts) };
  }

  #partial({ excerpt, missing, cpus }: RecordingFacts): string | null {
    if (excerpt) return "an excerpt does not show all";
    const seen = this.#lastOf.filter((time) => time !== undefined).length;
    return missing ?? (seen < cpus ? `${seen} of ${cpus} CPUs have events` : null);
  }

  /** Where half of a domain's are not, they may be forgotten by other means than events show. */
  #mostAre({ unmapping }: Suspicion): boolean {
    const { covered, suspected } = this.#coverage.ledger(unmapping.domain!);
    return covered > suspected;
  }
}
