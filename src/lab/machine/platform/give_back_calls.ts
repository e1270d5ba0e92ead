/**
 * A domain gives pages back that its devices may still reach: the hypervisor's calls under a policy for the lifetime of
 * pages, step by step beside devices at work.
 *
 * The protocol is that of `sw/iommu/lifetime`; who holds a page is counted where the hypervisor counts it, in its references.
 */
import { assert } from "../../../base/assert.js";
import { mfn } from "../../../base/frame.js";
import { type Actor, oneWay } from "../../../sim/actor.js";
import { record } from "../../../state/index.js";
import {
  type Awaited,
  completion,
  giveBack,
  interruptDrafts,
  type Keeper,
  listens,
  type Site,
} from "../../../sw/iommu/lifetime/give_back.js";
import type { ReleasePolicy } from "../../../sw/iommu/lifetime/policies.js";
import {
  type Caller,
  callDrafts,
  callerDrafts,
  deviceDrafts,
  type Kernel,
  lineDrafts,
  type PageHolders,
} from "../../../sw/iommu/lifetime/protocol.js";
import type { VtdDriver } from "../../../sw/iommu/vtd/vtd_driver.js";
import { type Domain, givable, type Hypervisor, unlink } from "../../../sw/xen/index.js";
import { CallRun } from "./call_run.js";
import type { DrivenUnit } from "./driven_unit.js";
import type { ReachLog } from "./reach_log.js";
import { UnitTime } from "./unit_time.js";

/** Calls whose flushes may be under way at once, and descriptors that one may post. */
const slotCount = 8;
const descriptorsMost = 16;

export interface GiveBackOptions {
  readonly h: Hypervisor;
  readonly d: Domain;
  readonly policy: ReleasePolicy;
  readonly unit: DrivenUnit;
  readonly driver: VtdDriver;
  /** The domain's number for the unit. */
  readonly did: number;
  /** The byte address of the entry that leads to a page of the domain. */
  readonly leafAt: (page: number) => number;
  /** Requesters of devices of the domain that have a TLB. */
  readonly tlbs: () => readonly number[];
  /** Change the domain's map, and leave the IOMMU's entry to who asks. */
  readonly apart: (does: () => void) => void;
  readonly log: ReachLog;
}

/** Frame 0 is nobody's. */
const nowhere: Site = { page: 0, leafAt: 0, frame: 0, did: 0, requester: 0, contextAt: 0 };

interface Slot extends Awaited {
  site: Site;
}

export class GiveBackCalls {
  readonly actors: readonly Actor[];
  readonly time: UnitTime;
  readonly #o: GiveBackOptions;
  readonly #kernel: Kernel;
  readonly #run: CallRun;
  readonly #slots: readonly Slot[];
  readonly #call: Kernel["call"];
  #cameAt = 0;
  #slot: Slot | null = null;

  constructor(o: GiveBackOptions) {
    this.#o = o;
    const { h, policy, unit, driver } = o;
    const { state } = unit;
    const ring = driver.queue;
    this.#call = state.place(record("the guest's call", callDrafts));
    this.#kernel = {
      ...{ memory: h.memory, ring, call: this.#call, book: this.#holders() },
      devices: state.place(record("the domain's devices", deviceDrafts(1))),
      line: state.place(record("a line of the processor's cache", lineDrafts)),
      timeIsOver: () => this.time.isLong(this.#cameAt),
      isPresent: () => true,
      givenAway: (m, s) => this.#judge(m, s),
      blocked: () => {
        for (const { requester } of this.#slot!.site.keepers!) o.unit.tally.takenAway(requester, o.log.now);
      },
    };
    this.#run = new CallRun(this.#kernel, () => (this.#cameAt = this.time?.now ?? 0));
    this.#slots = Array.from({ length: slotCount }, (_, n) => ({
      caller: state.place(record(`call ${n + 1}`, callerDrafts)),
      site: nowhere,
      answers: policy.caller === "is answered later",
    }));
    this.time = new UnitTime({
      unit: unit.hardware,
      tlbs: unit.tlbs,
      isWatched: () => policy.patience === "bounded" && this.#run.isRunning && !this.#run.isReady,
      isRoomAwaited: () => this.#isRoomAwaited,
    });
    this.actors = [
      oneWay("hypervisor", { ready: () => this.#run.isReady || this.#isLeftStopped, step: () => this.#step() }),
      ...(listens(policy) ? [this.#listen()] : []),
      this.time.actor,
    ];
  }

  /** Do the processors of the domain stand still until a flush is done? */
  get isPaused(): boolean {
    return this.#call.paused === 1;
  }

  /** Can a page be asked to go now? */
  get isFree(): boolean {
    return (
      !this.#run.isRunning &&
      this.#call.stage === 0 &&
      this.#o.driver.queue.room > descriptorsMost &&
      this.#freeSlot !== undefined
    );
  }

  /** XENMEM_decrease_reservation of one page. @returns false when it is not the domain's to give */
  ask(page: number): boolean {
    const { h, d, did, driver } = this.#o;
    h.count("decrease_reservation");
    const m = givable(h, d, page);
    if (m === null) return false;
    const keepers: Keeper[] = [];
    for (const requester of this.#o.tlbs()) {
      const contextAt = driver.entryAt(requester);
      // One that was blocked keeps nothing that counts, and is not asked.
      if ((h.memory.load32(contextAt) & 1) !== 0) keepers.push({ requester, contextAt });
    }
    const slot = this.#freeSlot;
    assert(slot !== undefined, "a call is made when one can be served");
    const first = keepers[0] ?? { requester: 0, contextAt: 0 };
    // What another call knew of this frame is over.
    for (const other of this.#slots) if (other.site.page === m) other.site = nowhere;
    slot.caller.gaveUp = 0;
    slot.caller.statusAt = 0;
    slot.site = { ...{ page: m, leafAt: this.#o.leafAt(page), frame: page, did }, ...first, keepers };
    this.#slot = slot;
    this.#call.stage = 1;
    this.time.callBegins();
    this.#run.begin(giveBack(this.#o.policy, slot.site), slot.caller);
    return true;
  }

  /** Has the hypervisor answered the last call? */
  get isAnswered(): boolean {
    return this.#call.stage === 2 && !this.#run.isRunning;
  }

  /** The guest has seen the answer. */
  taken(): void {
    this.#call.stage = 0;
  }

  get #freeSlot(): Slot | undefined {
    return this.#slots.find((s) => s.caller.posted === 0 && s !== this.#slot);
  }

  /** A call could be served if the queue had room. */
  get #isRoomAwaited(): boolean {
    return !this.#run.isRunning && this.#call.stage === 0 && this.#o.driver.queue.room <= descriptorsMost;
  }

  /** The queue stopped when nobody waited any more: who wants room lets it go on. */
  get #isLeftStopped(): boolean {
    return this.#isRoomAwaited && this.#o.driver.queue.isStopped && !listens(this.#o.policy);
  }

  #step(): void {
    if (this.#isLeftStopped) {
      this.#o.driver.queue.goOn();
      return;
    }
    this.#run.step();
    if (this.#run.isRunning) return;
    // Nobody looks for the end of a flush that nothing is to follow.
    if (!listens(this.#o.policy)) this.#slot!.caller.posted = 0;
    this.#slot = null;
  }

  /** Who holds a page that goes: references of the hypervisor's own book where the policy takes them. */
  #holders(): PageHolders {
    const { h, d, log, policy } = this.#o;
    const keeps = policy.keeps === "references";
    const pageOf = (m: number) => this.#slots.find((s) => s.site.page === m)!.site.frame;
    const noteIfFree = (m: number) => {
      if (h.frames.references[m] === 0) log.freed(m);
    };
    return {
      isFree: (m) => h.frames.owner[m] !== d.id,
      map: () => undefined,
      unmap: (m) => {
        const page = pageOf(m);
        if (keeps) assert(h.frames.getPage(m, d.id), "a page that goes is the domain's");
        this.#o.apart(() => unlink(h, d, page, mfn(m)));
        log.unmapped(m, page);
      },
      flushed: (m) => {
        log.flushed(m, pageOf(m));
        if (keeps) h.put(mfn(m));
        if (keeps) noteIfFree(m);
      },
      release: (m) => {
        h.giveUp(mfn(m));
        noteIfFree(m);
      },
      free: (m) => {
        h.giveUp(mfn(m));
        noteIfFree(m);
      },
      protect: () => undefined,
      isProtected: () => false,
    };
  }

  /** A page has become free: what said that it may be? */
  #judge(m: number, s: Caller): void {
    const { h, log } = this.#o;
    const { ring } = this.#kernel;
    const { keepers } = this.#slots.find((slot) => slot.caller === s)!.site;
    // 0: it has not asked.
    const isAnswered = s.statusAt !== 0 && ring.isAnswered(s.statusAt) && !ring.isAhead(s.wait);
    const isBlocked = isAnswered && keepers!.every(({ contextAt }) => (h.memory.load32(contextAt) & 1) === 0);
    if (s.gaveUp === 1) log.gaveUp(m);
    if (!isAnswered || (s.gaveUp === 1 && !isBlocked)) log.broke("I3", m);
    if (s.gaveUp === 1 && !isBlocked) log.broke("I8", m);
  }

  /** The handler of the interrupt that tells of completions. */
  #listen(): Actor {
    const { unit, driver } = this.#o;
    const interrupt = unit.state.place(record("completion interrupt", interruptDrafts));
    unit.completed = () => (interrupt.pending = 1);
    driver.queue.listen(unit.completionMessage);
    return completion.start(unit.state, { kernel: this.#kernel, interrupt, of: this.#slots });
  }
}
