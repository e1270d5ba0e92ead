/** Sums up requests to bounce of a recording that does not show what became of them. */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Mappings } from "../contracts/mappings.js";
import type { CarriedSink } from "../contracts/sinks.js";
import type { LogFacts } from "../machine/log_facts.js";
import type { Machine } from "../machine/machine.js";
import { LogRefusals } from "./log_refusals.js";
import type { DeviceRequests, ReplayOutcome, RequestRefusal, Requests } from "./outcome.js";
import { WhyCounts, whyBounced } from "./why_bounced.js";

/** Refusals told one by one; those beyond are counted. */
const toldMax = 20_000;

type Row = { -readonly [K in keyof Omit<DeviceRequests, "device" | "why">]: number } & {
  readonly why: WhyCounts;
};

export class RequestSummary implements CarriedSink {
  readonly #maps: Mappings;
  readonly #names: readonly string[];
  readonly #log: LogRefusals;
  readonly #suppressed: number;
  readonly #forced: boolean;
  readonly #rows = new Map<number, Row>();
  readonly #refused: RequestRefusal[] = [];
  #total = 0;
  #failed = 0;

  /** @param o.logAhead how far the recording's clock is ahead of the log's, microseconds */
  constructor(o: {
    readonly maps: Mappings;
    readonly machine: Machine;
    readonly log: LogFacts | null;
    readonly names: readonly string[];
    readonly logAhead: number;
  }) {
    this.#maps = o.maps;
    this.#names = o.names;
    this.#log = new LogRefusals(o.log?.refusals ?? [], o.logAhead);
    this.#suppressed = o.log?.refusalsSuppressed ?? 0;
    this.#forced = o.machine.pool?.forced ?? false;
  }

  mapped(m: number): void {
    const device = this.#maps.device[m]!,
      size = this.#maps.size[m]!,
      at = this.#maps.time[m]!;
    let row = this.#rows.get(device);
    if (row === undefined) {
      row = { count: 0, bytes: 0, least: size, most: size, refused: 0, why: new WhyCounts() };
      this.#rows.set(device, row);
    }
    this.#total++;
    row.count++;
    row.bytes += size;
    row.least = Math.min(row.least, size);
    row.most = Math.max(row.most, size);
    row.why.add(whyBounced(this.#maps, m, this.#forced));
    const line = this.#log.of(this.#names[device] ?? "", at, size);
    if (line === null) return;
    this.#failed++;
    row.refused++;
    const { total, used } = line;
    if (this.#refused.length < toldMax) this.#refused.push({ time: at, device, size, total, used });
  }

  unmapped(): void {
    // Nothing is seen to end.
  }

  released(): void {
    // Nor to be released.
  }

  get maps(): ReplayOutcome["maps"] {
    const none = { direct: 0, bounced: 0, translated: 0, foreign: 0 };
    return { total: this.#total, ...none, failed: this.#failed, unknown: this.#total - this.#failed };
  }

  finish(): Requests {
    const devices = [...this.#rows].map(([device, { why, ...row }]) => {
      return { device, ...row, why: why.list() };
    });
    const { matched, unmatched } = this.#log;
    return { devices, refused: this.#refused, log: { matched, unmatched, suppressed: this.#suppressed } };
  }
}

/** "the log says that 512 of 512 slots were in use and 2 were asked for". */
export function requestRefusalWords({ size, total, used }: RequestRefusal): string {
  const slots = Math.ceil(size / slotBytes);
  if (total === null || used === null) return `the log says that the pool was full; ${slots} slots were asked for`;
  return `the log says that ${used} of ${total} slots were in use; ${slots} were asked for`;
}
