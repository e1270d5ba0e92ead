/**
 * A hypervisor's protocols, as lists of named steps: each step does one thing, and goes on to the next in the list unless it
 * says otherwise. What differs between two protocols is the list.
 */
import { type CellArray, cell, cells, end, type Live, type Program, program } from "../../../state/index.js";
import type { StructureMemory } from "../ports.js";
import type { FlushRing, Submitted } from "../vtd/flush_ring.js";
import type { PageBook } from "./page_book.js";

/** Who holds which page, as the steps tell and ask it. */
export type PageHolders = Pick<
  PageBook,
  "isFree" | "map" | "unmap" | "flushed" | "release" | "free" | "protect" | "isProtected"
>;

/** What a protocol's steps reach. */
export interface Kernel {
  readonly memory: StructureMemory;
  readonly ring: FlushRing;
  readonly book: PageHolders;
  /** The devices of the domain, by number. */
  readonly devices: { readonly listed: CellArray; readonly enabled: CellArray };
  /** Where the processor's cache holds a store back from memory. */
  readonly line: Live<typeof lineDrafts>;
  /** The call of a guest that is served, where one is. */
  readonly call: Live<typeof callDrafts>;
  /** Has one who does not wait for ever waited long enough? */
  readonly timeIsOver: (s: Caller) => boolean;
  /** Is the device still there? */
  readonly isPresent: () => boolean;
  /** Told when a page is given away, and what says that it may be: who watches what must hold looks then. */
  readonly givenAway: (page: number, s: Caller) => void;
  /** Told when the entries of devices are cleared, which the unit refuses from then on. Left out: nobody counts. */
  readonly blocked?: () => void;
}

/** A guest's call, from the guest to the hypervisor and back. */
export const callDrafts = {
  stage: cell<0 | 1 | 2>("0 = none; 1 = the hypervisor was asked; 2 = it has answered"),
  paused: cell<0 | 1>("1 = the guest's processors do not run"),
} as const;

/** Of each device of a domain: what software's list says, and whether it may keep translations. */
export const deviceDrafts = (count: number) => ({
  listed: cells(count, "1 = flushes of the domain are told to it"),
  enabled: cells(count, "1 = its ATS is switched on"),
});

/** A line that the processor has written and memory has not: two words of zeros, or four. */
export const lineDrafts = {
  at: cell("its byte address; 0 = none"),
  words: cell("words that are written"),
} as const;

/** What one who runs a protocol remembers. */
export const callerDrafts = {
  wait: cell("byte in the queue of the wait that was posted last"),
  statusAt: cell("where its status comes"),
  posted: cell<0 | 1>("1 = it is not known to be answered"),
  gaveUp: cell<0 | 1>("1 = went on without an answer"),
} as const;
export type Caller = Live<typeof callerDrafts>;

export interface ProtocolStep {
  readonly name: string;
  /** May it be taken now? Left out: always. */
  readonly when?: (k: Kernel, s: Caller) => boolean;
  /** Why it may do more than one thing that others could tell apart. */
  readonly atomic?: string;
  /** @returns the name of the step that comes next; nothing: the next in the list */
  readonly does: (k: Kernel, s: Caller) => string | undefined;
}

/** The name of what comes behind the last step. */
export const isOver = "over";

export function protocol(name: string, list: readonly ProtocolStep[]): Program<Kernel, typeof callerDrafts> {
  const steps = list.map((step, n) => {
    const following = list[n + 1]?.name ?? isOver;
    const does = (k: Kernel, s: Caller) => {
      const next = step.does(k, s) ?? following;
      return next === isOver ? end : next;
    };
    return [step.name, { ...step, does }] as const;
  });
  return program<Kernel>()(name, callerDrafts, Object.fromEntries(steps));
}

export const underLock = "what it changes, it changes under one lock";

export function noteSubmitted(s: Caller, { wait, statusAt }: Submitted): void {
  s.wait = wait;
  s.statusAt = statusAt;
  s.posted = 1;
}
