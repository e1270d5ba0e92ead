/** Mappings of which the recording does not show what became, counted by why it does not. */
import type { Mappings } from "../contracts/mappings.js";
import type { Carried } from "../contracts/sinks.js";
import { movedWords } from "../machine/moved.js";
import type { UnknownBecause } from "./outcome.js";

const underWay = "the recording ends, or lost events, before its outcome";
const noMaps = "no mapping event of the device is in the recording: they may have been left out";
const noEnds = "no event tells its outcome, nor how full the pool was: ends of mappings are not recorded";
const hadRoomLate = "no event tells its outcome, and the pool, which was in use before, had room as far as is known";
const hadRoom = "no event tells its outcome, and the pool had room";

/** What decides whether a search without an outcome was refused. */
export interface RefusalEvidence {
  /** Whether ends of mappings are not recorded, so that the model is fuller than the pool was. */
  readonly endsMissing: boolean;
  /** Whether any mapping event of a device is in the recording. */
  readonly mapsSeen: (device: number) => boolean;
  /** Whether the log tells of a refusal of such a request. */
  readonly saysRefused: (device: number, size: number) => boolean;
  /** The pool, and whether it was in use before the recording began; null without one. */
  readonly pool: { readonly late: boolean } | null;
}

export class UnknownOutcomes {
  readonly #maps: Mappings;
  readonly #evidence: RefusalEvidence;
  readonly #counts = new Map<string, number>();

  constructor(maps: Mappings, evidence: RefusalEvidence) {
    this.#maps = maps;
    this.#evidence = evidence;
  }

  /** Its outcome lies beyond the recording's end, or among lost events. */
  underWay(): void {
    this.#count(underWay);
  }

  /** Bounced or translated: nothing tells which. */
  moved(): void {
    this.#count(movedWords);
  }

  /** Whether a search without an outcome need not have been refused; counted where that is so. */
  mayBeServed(m: number, c: Carried): boolean {
    const why = this.#whyServed(m, c);
    if (why !== null) this.#count(why);
    return why !== null;
  }

  get because(): UnknownBecause[] {
    return [...this.#counts].map(([words, count]) => ({ words, count, underWay: words === underWay }));
  }

  #whyServed(m: number, c: Carried): string | null {
    const { endsMissing, mapsSeen, saysRefused, pool } = this.#evidence;
    const device = this.#maps.device[m]!;
    if (saysRefused(device, this.#maps.size[m]!)) return null;
    if (endsMissing) return noEnds;
    if (c.refusal !== null) return null;
    if (!mapsSeen(device)) return noMaps;
    if (pool === null) return null;
    return pool.late ? hadRoomLate : hadRoom;
  }

  #count(words: string): void {
    this.#counts.set(words, (this.#counts.get(words) ?? 0) + 1);
  }
}
