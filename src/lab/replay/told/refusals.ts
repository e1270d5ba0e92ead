/** Mappings and lists that were refused: the first ones one by one, the others counted. */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Mappings } from "../contracts/mappings.js";
import { Outcome } from "../contracts/operation.js";
import type { Carried } from "../contracts/sinks.js";
import { type Failure, failureWords } from "./failure.js";
import type { Occupancy } from "./occupancy.js";

/** Refusals told one by one; those beyond are counted, so that memory does not grow with them. */
const refusalsMax = 20_000;
/** Pictures of the pool kept with failures. */
const picturesMax = 400;

export class Refusals {
  readonly #maps: Mappings;
  readonly #occupancy: Occupancy | null;
  readonly mappings: Failure[] = [];
  readonly lists: Failure[] = [];
  /** Refusals that are not in the two lists, and all that were larger than any pool can serve. */
  untold = 0;
  tooLarge = 0;

  /** @param occupancy of the pool; null without one */
  constructor(maps: Mappings, occupancy: Occupancy | null) {
    this.#maps = maps;
    this.#occupancy = occupancy;
  }

  /** That some are not told, where some are not. */
  get warnings(): { where: string; what: string }[] {
    if (this.untold === 0) return [];
    return [{ where: "", what: `${this.untold} more refusals are counted and not told one by one` }];
  }

  add(m: number, { refusal }: Carried): void {
    const { outcome, time, device, cpu, size } = this.#maps;
    const list = outcome[m] === Outcome.refusedList;
    const o = this.#occupancy;
    const reason = refusal?.reason ?? (o === null ? "absent" : "unknown");
    const facts = {
      time: time[m]!,
      device: device[m]!,
      cpu: cpu[m]!,
      size: size[m]!,
      slots: refusal?.slots ?? Math.ceil(size[m]! / slotBytes),
      reason,
      free: o === null ? 0 : o.slots - o.used,
      longestRun: o?.longestRun() ?? 0,
      used: o?.used ?? 0,
      list,
    };
    if (reason === "too-large") this.tooLarge++;
    const told = this.mappings.length + this.lists.length;
    if (told >= refusalsMax) {
      this.untold++;
      return;
    }
    const picture = told < picturesMax && o !== null ? o.picture() : null;
    (list ? this.lists : this.mappings).push({ ...facts, words: failureWords(facts), picture });
  }
}
