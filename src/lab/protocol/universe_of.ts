/** A machine, protocols that run on it, and who takes the pages that they give back: what must hold of all that. */
import { frameBytes } from "../../base/frame.js";
import type { Universe } from "../../check/universe.js";
import { end, program, type Running } from "../../state/index.js";
import { nobody } from "../../sw/iommu/lifetime/page_book.js";
import { type Kernel, type ProtocolStep, protocol } from "../../sw/iommu/lifetime/protocol.js";
import { machineFacts } from "./facts.js";
import { type MachineOptions, ownerOf, place } from "./layout.js";
import { type BuiltMachine, buildMachine } from "./machine.js";
import { type Rule, ruled } from "./watch.js";

export interface UniverseOptions {
  readonly machine: MachineOptions;
  /** Who acts: a name, and what is done. */
  readonly protocols: (
    m: BuiltMachine,
  ) => readonly { readonly name: string; readonly steps: readonly ProtocolStep[] }[];
  /** Pages that somebody takes as soon as they are free, and what is written into one when it is taken. */
  readonly takes: readonly { readonly page: number; readonly fill?: (m: BuiltMachine) => void }[];
  /** What is looked at. */
  readonly rules: readonly Rule[];
  /** Before anybody does anything. */
  readonly begins?: (m: BuiltMachine) => void;
  /** What is looked at besides, by its name. */
  readonly more?: (m: BuiltMachine) => Universe["always"];
  /** What there is to see besides. */
  readonly seen?: (m: BuiltMachine) => Readonly<Record<string, string>>;
  /** Beside the protocols, with what they remember. */
  readonly others?: (m: BuiltMachine, running: readonly Running[]) => readonly Running[];
  /** Pages of nobody whose owner does not matter to I9. */
  readonly endsWhen?: (m: BuiltMachine, running: readonly Running[]) => boolean;
  /** Must those who are not named here wait for no answer? I3 and I8 are looked at for these protocols. Default: all. */
  readonly proved?: readonly string[];
}

/** Who takes pages: no domain of the machine. */
export const taker = ownerOf(7);

const takerProgram = program<{ readonly m: BuiltMachine; readonly take: UniverseOptions["takes"][number] }>()(
  "another domain",
  { none: { kind: "cell", doc: "nothing", start: 0 } },
  {
    "take the page": {
      when: ({ m, take }) => m.book.ownerOf(take.page) === nobody,
      atomic: "a page that is found free is taken under one lock, and then is its own",
      does({ m, take }) {
        m.book.give(take.page, taker);
        take.fill?.(m);
        return end;
      },
    },
  },
);

export function universeOf(o: UniverseOptions): Universe {
  const m = buildMachine(o.machine);
  const { state, memory, book, seen } = m;
  o.begins?.(m);
  memory.noteIn(state);
  const protocols = o.protocols(m).map(({ name, steps }) => {
    const isProved = o.proved?.includes(name) ?? true;
    const kernel: Kernel = isProved ? m.kernel : { ...m.kernel, givenAway: () => undefined };
    return protocol(name, steps).start(state, kernel);
  });
  const others = o.others?.(m, protocols) ?? [];
  const takers = o.takes.map((take) =>
    takerProgram.start(state, { m, take }, o.takes.length > 1 ? `another domain, page ${take.page}` : "another domain"),
  );
  const looks: Readonly<Record<Exclude<Rule, "I9">, () => boolean>> = {
    I1: () => seen.strayed === 0,
    I2: () =>
      o.machine.domains.every((d, n) => isLedRightly(m, n, [...d.maps.map((x) => x.frame), ...(d.spare ?? [])])),
    "I2'": () => o.machine.domains.every((d, n) => d.tablePage === undefined || isTableKept(m, d, n)),
    I3: () => seen.unproved === 0,
    I7: () => m.watch.hasOwnWords(),
    I8: () => seen.unfenced === 0,
    view: () => seen.split === 0,
  };
  const hasEnded = () => o.endsWhen?.(m, protocols) ?? [...protocols, ...takers].every((p) => p.isDone);
  return {
    state,
    actors: [...m.hardware, ...protocols, ...others, ...takers],
    always: {
      ...Object.fromEntries(o.rules.flatMap((rule) => (rule === "I9" ? [] : [[ruled(rule), looks[rule]] as const]))),
      ...o.more?.(m),
    },
    sometimes: {},
    facts: () => ({ ...machineFacts(m, o.machine), ...o.seen?.(m) }),
    atRest: o.rules.includes("I9") ? { [ruled("I9")]: hasEnded } : {},
  };

  function isTableKept(m: BuiltMachine, d: MachineOptions["domains"][number], n: number): boolean {
    const page = d.tablePage!;
    if (book.ownerOf(page) === ownerOf(n)) return true;
    const found = m.unit.caches.tables.find({ domain: d.did, space: null }, d.maps[0]!.frame);
    return found?.table !== (place.pages + page) * frameBytes;
  }
}

/** I2: what a domain's entries lead to is the domain's. */
function isLedRightly({ domains, book }: BuiltMachine, domain: number, frames: readonly number[]): boolean {
  return frames.every((frame) => {
    const page = domains[domain]!.pageAt(frame);
    return page < 0 || book.ownerOf(page) === ownerOf(domain);
  });
}
