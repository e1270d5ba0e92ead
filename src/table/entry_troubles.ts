/** What is wrong with the entries of one page table, in words, while it is enumerated. */
import { hex } from "../base/hex.js";
import { canonical } from "./leaf_sink.js";
import type { WalkPlan } from "./plan.js";
import type { Trouble, TroubleKind, Troubles } from "./trouble.js";

/** An entry that was read: its place, its words, and what it translates. */
export interface Here {
  readonly at: number;
  readonly lo: number;
  readonly hi: number;
  readonly level: number;
  readonly iova: number;
}

export class EntryTroubles {
  /** Tables above the one being read that were read before: what is wrong in them was named then. */
  again = 0;
  readonly #plan: WalkPlan;
  readonly #troubles: Troubles;
  /** Byte addresses of the entries that were named as pointing back. */
  readonly #back = new Set<number>();
  #limit: Trouble | null = null;

  constructor(plan: WalkPlan, troubles: Troubles) {
    this.#plan = plan;
    this.#troubles = troubles;
  }

  add(kind: TroubleKind, here: Here, what: string): void {
    if (this.again === 0) this.#add(kind, here, what);
  }

  /** The entry leads to a table above it. Named once, whatever ways lead to the entry. */
  pointsBack(here: Here, table: number): void {
    if (this.#back.has(here.at)) return;
    if (!this.#troubles.full) this.#back.add(here.at);
    const what = `it points to the table at ${hex(table)}, which leads here`;
    this.#add("cycle", here, `${what}: a unit reads that again until the levels end`);
  }

  /** The first table that was left out because it had been entered before. */
  leaveOut(here: Here): void {
    const what = "many ways lead to the same tables, and from here on each is entered only once";
    this.#limit ??= this.#composed("limit", here, `${what}: every page is listed, though not at every address`);
  }

  /** Nothing more is read. */
  stop(at: number, level: number, iova: number, why: string): void {
    const what = `${why}: the rest of the table was left out`;
    this.#limit = this.#composed("limit", { at, lo: 0, hi: 0, level, iova }, what);
  }

  /** Name the limit that was met, if one was. */
  close(): void {
    if (this.#limit !== null) this.#troubles.add(this.#limit);
  }

  #add(kind: TroubleKind, here: Here, what: string): void {
    if (this.#troubles.full) this.#troubles.total++;
    else this.#troubles.add(this.#composed(kind, here, what));
  }

  #composed(kind: TroubleKind, { at, lo, hi, level, iova }: Here, what: string): Trouble {
    return { kind, entryAt: at, value: entryText(lo, hi), iova: canonical(this.#plan, iova), level, what };
  }
}

function entryText(lo: number, hi: number): string {
  return hex((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
}
