/**
 * A guest gives a page back that a device with a TLB of its own may still reach: what a hypervisor does under each policy.
 *
 * Source: D2; Xen xen/common/memory.c (decrease_reservation), xen/drivers/passthrough/vtd/qinval.c; VT-d 4.1, 6.5.2.
 */
import { cell, type Live, program } from "../../../state/index.js";
import { contextOf, deviceTlbPages, iotlbPages } from "./flushes.js";
import type { ReleasePolicy } from "./policies.js";
import { type Caller, isOver, type Kernel, noteSubmitted, type ProtocolStep } from "./protocol.js";
import { answer, answered, ask, block, clear, flushed, onCall, release } from "./steps.js";

/** Where a page stands that is given back: all that does not change. */
export interface Site {
  readonly page: number;
  /** The entry that leads to it, and the guest's frame that it translates. */
  readonly leafAt: number;
  readonly frame: number;
  readonly did: number;
  /** The device with its context entry. */
  readonly requester: number;
  readonly contextAt: number;
  /** All devices that may keep a translation of it, and are told of flushes. Left out: that one. */
  readonly keepers?: readonly Keeper[];
}

/** A device with a TLB of its own, and its context entry. */
export type Keeper = Pick<Site, "requester" | "contextAt">;

const keepersOf = (site: Site): readonly Keeper[] => site.keepers ?? [site];

/** The unit forgets, then the devices. */
export const flushOf = (site: Site) => [
  iotlbPages(site),
  ...keepersOf(site).map(({ requester }) => deviceTlbPages({ requester, frame: site.frame })),
];

/** Does an interrupt tell that a flush is done? */
export const listens = ({ caller, keeps }: ReleasePolicy) => caller !== "stands still" && keeps === "references";

/** @param processor the one whose word statuses come to, where the policy has one for each */
export function giveBack(policy: ReleasePolicy, site: Site, processor = 0): readonly ProtocolStep[] {
  const { caller, keeps, onSilence, status, pauses } = policy;
  const word = status === "of the processor" ? { processor } : {};
  const waits = caller === "stands still";
  const silent = (gone: boolean) => {
    if (onSilence === "fence") return "block the device";
    return onSilence === "free" || (onSilence === "again unless gone" && gone) ? "done" : "ask";
  };
  const back = release({ page: site.page, keeps });
  return [
    onCall(clear(site)),
    ...(policy.gives === "before the flush" ? [back] : []),
    ask({ name: "ask", descriptors: flushOf(site), tells: listens(policy), ...word }),
    ...(waits
      ? [answered({ name: "answered?", impatient: policy.patience === "bounded", silent }), flushed(site.page)]
      : []),
    ...(policy.gives === "behind the flush" ? [back] : []),
    last(answer({ pauses, answers: caller !== "is answered later" })),
    ...(onSilence === "fence" ? fence(site, word) : []),
  ];
}

/** What stands behind it in the list is jumped to, not come to. */
const last = (step: ProtocolStep): ProtocolStep => ({ ...step, does: (k, s) => step.does(k, s) ?? isOver });

/** The unit refuses the devices: what they keep leads nowhere. Behind that, the flush counts as done. */
function fence(site: Site, word: { readonly processor?: number }): readonly ProtocolStep[] {
  const { did } = site;
  const keepers = keepersOf(site);
  const descriptors = [...keepers.map(({ requester }) => contextOf({ did, requester })), iotlbPages(site)];
  const blocked = answered({ name: "blocked?", impatient: false, silent: () => "ask to block" });
  return [
    block(keepers.map((k) => k.contextAt)),
    ask({ name: "ask to block", descriptors, ...word }),
    { ...blocked, does: (k, s) => blocked.does(k, s) ?? "done" },
  ];
}

export interface CompletionEnv {
  readonly kernel: Kernel;
  readonly interrupt: Live<typeof interruptDrafts>;
  /** Whose flushes may be under way, and of which page. */
  readonly of: readonly Awaited[];
  /** false: the handler looks first and clears the unit's bit after that, as it must not. Default true. */
  readonly clearsFirst?: boolean;
}

export interface Awaited {
  readonly caller: Caller;
  readonly site: Site;
  /** false: the guest's call was answered before, and the one that is served now is another. Default true. */
  readonly answers?: boolean;
}

export const interruptDrafts = {
  pending: cell<0 | 1>("1 = the completion's interrupt came, and nobody has looked"),
} as const;

/** The handler of the completion's interrupt, and of the unit's word that a device was silent: then it asks again. */
export const completion = program<CompletionEnv>()(
  "completion handler",
  { none: cell("nothing") },
  {
    interrupt: {
      when: ({ interrupt, kernel }) => interrupt.pending === 1 || kernel.ring.isStopped,
      atomic: "an interrupt is taken by one processor, and a unit that stopped changes nothing until it goes on",
      does(env) {
        env.interrupt.pending = 0;
        if (env.kernel.ring.isStopped) askAgain(env);
        return env.clearsFirst === false ? "look" : "clear IWC";
      },
    },
    "clear IWC": {
      does({ kernel, clearsFirst }) {
        kernel.ring.seen();
        return clearsFirst === false ? "interrupt" : "look";
      },
    },
    look: {
      atomic: "statuses are read and accounts change under one lock",
      does({ kernel, of, clearsFirst }) {
        for (const awaited of of)
          if (awaited.caller.posted === 1 && kernel.ring.isAnswered(awaited.caller.statusAt)) finish(kernel, awaited);
        return clearsFirst === false ? "clear IWC" : "interrupt";
      },
    },
  },
);

/** What was not answered when the unit stopped is asked again, whatever the unit may answer to what stands in its queue. */
function askAgain({ kernel, of }: CompletionEnv): void {
  for (const { caller, site } of of) {
    if (caller.posted === 0 || kernel.ring.isAnswered(caller.statusAt)) continue;
    noteSubmitted(caller, kernel.ring.submit(flushOf(site), { statusAt: null, tells: true }));
  }
  kernel.ring.goOn();
}

/** Of one flush: its page is owed nothing more, and the guest has its answer. */
function finish(k: Kernel, { caller: s, site: { page }, answers = true }: Awaited): void {
  s.posted = 0;
  const wasOwned = !k.book.isFree(page);
  k.book.flushed(page);
  if (wasOwned && k.book.isFree(page)) k.givenAway(page, s);
  k.call.paused = 0;
  if (answers && k.call.stage === 1) k.call.stage = 2;
}
