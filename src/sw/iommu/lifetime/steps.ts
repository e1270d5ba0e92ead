/** The steps that hypervisors' protocols are made of. Source: VT-d 4.1, 6.5.2 and 6.5.3; D2. */
import { type Caller, type Kernel, noteSubmitted, type ProtocolStep, underLock } from "./protocol.js";

/** A guest's call begins. */
export const onCall = (step: ProtocolStep): ProtocolStep => ({ ...step, when: ({ call }) => call.stage === 1 });

/** An entry of a table goes, and what it says is owed a flush. */
export const clear = (o: { readonly leafAt: number; readonly page: number; readonly name?: string }): ProtocolStep => ({
  name: o.name ?? "clear the entry",
  atomic: underLock,
  does({ memory, book }) {
    memory.store(o.leafAt, [0, 0]);
    book.unmap(o.page);
    return undefined;
  },
});

/** Descriptors, a wait behind them, and the doorbell. */
export const ask = (o: {
  readonly name: string;
  readonly descriptors: readonly Uint32Array[] | ((k: Kernel) => readonly Uint32Array[]);
  /** The processor whose word the status comes to; left out: the word of the wait's slot. */
  readonly processor?: number;
  readonly tells?: boolean;
}): ProtocolStep => ({
  name: o.name,
  atomic: "nobody reads descriptors or a status before the doorbell, which comes last, and the ring has a lock",
  does(k, s) {
    const { ring } = k;
    const statusAt = o.processor === undefined ? null : ring.wordOf(o.processor);
    const descriptors = typeof o.descriptors === "function" ? o.descriptors(k) : o.descriptors;
    noteSubmitted(s, ring.submit(descriptors, { statusAt, tells: o.tells ?? false }));
    return undefined;
  },
});

/** Wait until the status is there. A queue that stopped goes on; then `silent` says what comes next. */
export const answered = (o: {
  readonly name: string;
  /** Gives up after a time of its own. */
  readonly impatient: boolean;
  /** @returns the step for when no answer came; `gone` when the device is no longer there */
  readonly silent: (gone: boolean) => string;
}): ProtocolStep => ({
  name: o.name,
  when: ({ ring, timeIsOver }, s) => ring.isAnswered(s.statusAt) || ring.isStopped || (o.impatient && timeIsOver(s)),
  atomic: "the unit's status is read and cleared by one who holds its lock",
  does({ ring, isPresent }, s) {
    if (ring.isAnswered(s.statusAt)) {
      s.posted = 0;
      return undefined;
    }
    if (ring.isStopped) ring.goOn();
    return o.silent(!isPresent());
  },
});

/** The flush is done, or counts as done: what it named is owed no more. */
export const flushed = (page: number): ProtocolStep => ({
  name: "done",
  atomic: underLock,
  does(k, s) {
    if (s.posted === 1) s.gaveUp = 1;
    s.posted = 0;
    const wasOwned = !k.book.isFree(page);
    k.book.flushed(page);
    if (wasOwned && k.book.isFree(page)) k.givenAway(page, s);
    return undefined;
  },
});

/** The page goes back: at once, or when the last reference to it goes. */
export const release = (o: { readonly page: number; readonly keeps: "nothing" | "references" }): ProtocolStep => ({
  name: "give the page back",
  atomic: underLock,
  does(k, s) {
    if (o.keeps === "references") k.book.release(o.page);
    else k.book.free(o.page);
    if (k.book.isFree(o.page)) k.givenAway(o.page, s);
    return undefined;
  },
});

/** Neither translated requests nor others are taken from devices any more, once the unit knows. @param contextsAt their entries */
export const block = (contextsAt: readonly number[]): ProtocolStep => ({
  name: "block the device",
  atomic: "its position is its own",
  does({ memory, blocked }, s) {
    for (const at of contextsAt) memory.store(at, [0, 0, 0, 0]);
    s.gaveUp = 1;
    blocked?.();
    return undefined;
  },
});

/** The guest goes on. @param o.pauses not before the flush is done @param o.answers false: its answer comes later */
export const answer = (o: { readonly pauses: boolean; readonly answers: boolean }): ProtocolStep => ({
  name: "return to the guest",
  atomic: underLock,
  does({ call }, s) {
    if (s.posted === 1 && o.pauses) call.paused = 1;
    if (o.answers || s.posted === 0) call.stage = 2;
    return undefined;
  },
});

/** Wait until the unit has answered, and for nothing else: for those whose devices all answer. */
export const awaited: Readonly<ProtocolStep> = {
  name: "answered?",
  when: ({ ring }, s) => ring.isAnswered(s.statusAt),
  does(_, s) {
    s.posted = 0;
    return undefined;
  },
};

/** One change of tables or accounts, under a lock. */
export const change = (name: string, does: (k: Kernel, s: Caller) => void): ProtocolStep => ({
  name,
  atomic: underLock,
  does(k, s) {
    does(k, s);
    return undefined;
  },
});
