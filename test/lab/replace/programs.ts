/** Drawn programs: an entry is replaced again and again under a device that goes on, in an order that a seed draws. */
import type { Rng } from "../../../src/base/rng.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import { type Flight, type FlightUnit, written } from "../../../src/lab/replace/flight/unit.js";
import type { Side } from "../../../src/lab/replace/replaced_entry.js";
import type { ReplaceStep, TagName } from "../../../src/sw/iommu/entry/sequences/sequence.js";

export interface Drawn {
  /** Writes, and those of them that went where none of the domains in question leads. */
  accesses: number;
  wrong: number;
  /** Writes that were refused though all domains in question lead them alike. */
  gaps: number;
}

interface Attached {
  readonly kind: string;
  readonly side: Side;
}

/** Turns of anybody that each replacement has at least: what it left behind is found after it. */
const quiet = 400;

/** A unit that is built once, and taken back after each program. */
export class Bench {
  readonly #flight: Flight;
  readonly #unit: FlightUnit;
  readonly #kinds: readonly string[];
  readonly #ways: readonly string[];

  /** @param ways names of sequences, of which one is drawn for each replacement */
  constructor(flight: Flight, kinds: readonly string[], ways: readonly string[]) {
    this.#flight = flight;
    this.#unit = flight.build({});
    this.#kinds = kinds;
    this.#ways = ways;
    this.#unit.memory.noteIn(this.#unit.state);
    this.#unit.state.begin();
  }

  run(rng: Rng, links: number, into: Drawn): void {
    const { state, memory, entryAt } = this.#unit;
    const mark = state.mark();
    const chain: Attached[] = [{ kind: this.#kind(rng), side: "old" }];
    memory.store(entryAt, this.#entry(chain[0]!));
    while (chain.length <= links) {
      chain.push({ kind: this.#kind(rng), side: chain.length % 2 === 0 ? "old" : "new" });
      this.#replace(chain, rng, into);
    }
    state.undoTo(mark);
  }

  #kind = (rng: Rng) => this.#kinds[rng.below(this.#kinds.length)]!;
  #entry = ({ kind, side }: Attached) => this.#flight.of.entry(kind, side);

  #steps(from: Attached, to: Attached, rng: Rng): readonly ReplaceStep[] {
    const { of } = this.#flight;
    const known = this.#ways.filter((name) => {
      const { kinds } = of.sequences[name]!;
      return kinds === undefined || (kinds.includes(from.kind) && kinds.includes(to.kind));
    });
    const sequence = of.sequences[known[rng.below(known.length)]!]!;
    const tag = (name: TagName): TagName => (name === "spare" ? name : name === "old" ? from.side : to.side);
    const steps = sequence.steps({
      ...{ format: of.format, from: this.#entry(from), to: this.#entry(to), widths: of.widths },
      retagged: (entry, name) => of.retagged(entry, tag(name)),
    });
    return steps.map((s) => (s.kind === "flush" ? { ...s, tag: tag(s.tag) } : s));
  }

  /** The last of the chain takes the place of the one before it; writes begun under older ones may still arrive. */
  #replace(chain: readonly Attached[], rng: Rng, into: Drawn): void {
    const { transaction, actors, memory, entryAt } = this.#unit;
    const steps = this.#steps(chain.at(-2)!, chain.at(-1)!, rng);
    let [at, waits] = [0, false];
    let begun = { frame: 0, from: 0 };
    const isOver = () => at === steps.length && !waits;
    const kernel = () => {
      if (waits) {
        if (!this.#unit.isAnswered()) return;
        waits = false;
        return;
      }
      const step = steps[at];
      if (step === undefined) return;
      at++;
      if (step.kind === "store") memory.store(entryAt + step.word * 4, step.words);
      else {
        this.#unit.ask(step.kind === "sync" ? "entry" : step.tag);
        waits = true;
      }
    };
    const device = () => {
      if (!transaction.isUnderWay) {
        begun = {
          frame: rng.below(2) === 0 ? written.apart : written.alike,
          from: isOver() ? chain.length - 1 : chain.length - 2,
        };
        const request = { requester: this.#unit.requester, pasid: null, offset: 0, write: true };
        transaction.begin({ ...request, frame: begun.frame, type: AddressType.untranslated });
      } else if (transaction.isDone) {
        this.#judge(chain.slice(begun.from), begun.frame, into);
        transaction.end();
      }
    };
    const hardware = [transaction, ...actors];
    for (let n = 0; !isOver() || n < quiet || transaction.isUnderWay; n++) {
      const who = rng.below(4);
      if (rng.below(8) === 0) this.#unit.evict();
      if (who === 0) kernel();
      else if (who === 1 && (n < quiet - 50 || !isOver() || transaction.isUnderWay)) device();
      else {
        const actor = hardware[rng.below(hardware.length)]!;
        const choices = actor.choices();
        if (choices > 0) actor.step(rng.below(choices));
      }
    }
  }

  #judge(chain: readonly Attached[], frame: number, into: Drawn): void {
    const { outcome, frame: reached } = this.#unit.transaction.result;
    const leads = chain.map(({ kind, side }) => this.#flight.leads(kind, side, frame));
    into.accesses++;
    if (outcome === Outcome.passes) {
      if (!leads.includes(reached)) into.wrong++;
      return;
    }
    if (leads[0] === null || leads.some((to) => to !== leads[0])) return;
    // Where nothing is under way there is no gap: it is refused though it should pass.
    if (chain.length === 1) into.wrong++;
    else into.gaps++;
  }
}
