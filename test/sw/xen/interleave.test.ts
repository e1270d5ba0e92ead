/** Every order of the steps of a few actors: rules that hold in all of them, and bugs that some order shows. */
import { expect, test } from "vitest";
import { CopyFlag, MapFlag } from "../../../src/spec/xen/grant_op.js";
import { noHandle, pins } from "../../../src/sw/xen/hypervisor/grant_table.js";
import {
  addStatusToPhysmapSteps,
  copyGrantSteps,
  mapGrant,
  mapGrantSteps,
  type Steps,
  setVersion,
  setVersionSteps,
  unmapGrantSteps,
  type XenBugId,
} from "../../../src/sw/xen/index.js";
import { machine } from "./machine.js";

interface World {
  readonly actors: readonly Steps<unknown>[];
  /** The rule that does not hold now, or null. */
  broken(): string | null;
  /** What came out, to see that the orders differ. */
  outcome(): string;
}

/** Run every order from fresh worlds. @returns what broke, what came out, and how many orders there were. */
function everyOrder(make: () => World) {
  const broken = new Set<string>();
  const outcomes = new Set<string>();
  let count = 0;
  const explore = (prefix: readonly number[]): void => {
    const world = make();
    const open = new Set(world.actors.keys());
    const note = () => {
      const rule = world.broken();
      if (rule !== null) broken.add(rule);
    };
    let waited = false;
    for (const n of prefix) {
      const step = world.actors[n]!.next();
      if (step.done === true) open.delete(n);
      waited = step.done !== true && step.value.startsWith("waits");
      note();
    }
    // A step of one who waits changes nothing: somebody else must come first.
    if (waited && open.size > 1) return;
    if (open.size > 0) for (const n of open) explore([...prefix, n]);
    else {
      count++;
      outcomes.add(world.outcome());
    }
  };
  explore([]);
  return { broken: [...broken], outcomes: [...outcomes].sort(), count };
}

const empty = 2000;
const both = MapFlag.host | MapFlag.device;

/** Rules of one grant between two domains. */
function rules(m: ReturnType<typeof machine>, ref: number, frame: number): string | null {
  const active = m.d.grants.active.get(ref);
  const live = m.d0.grants.tracked.reduce((sum, t) => sum + (t.flags & 1) + ((t.flags >> 1) & 1), 0);
  if (active !== undefined && pins(active) > 0 && !m.grants.isInUse(ref))
    return "an entry shows use while it is pinned";
  // The allocation and the owner's own page table hold one each.
  if (m.h.frames.references[frame]! < 2 + live) return "each mapped half holds a reference";
  const free: number[] = [];
  for (let n = m.d0.grants.firstFreeHandle; n !== noHandle && free.length < 1000; n = m.d0.grants.tracked[n]!.next)
    free.push(n);
  if (new Set(free).size !== free.length) return "a handle is free once";
  if (free.some((n) => (m.d0.grants.tracked[n]!.flags & both) !== 0)) return "a free handle maps nothing";
  if (!m.grants.live.has(ref) && m.gate.foreignCount > 0) return "a revoked grant is mapped by nobody";
  return null;
}

type Scenario = (bugs: readonly XenBugId[]) => World;

const halves: Scenario = (bugs) => {
  const m = machine({ bugs, frames: 1024, pages: 128, guestPages: 32 });
  const shared = m.grants.allocShared()!;
  const ref = m.grants.grant(0, shared, false);
  const { handle, bus } = mapGrant(m.h, m.d0, { flags: both, domain: 1, ref, page: empty });
  return {
    actors: [
      unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 }),
      unmapGrantSteps(m.h, m.d0, { handle, page: -1, bus }),
      m.grants.endAccessAndFreeSteps(ref, shared),
    ],
    broken: () => rules(m, ref, bus / 4096),
    outcome: () => (m.grants.waitingCount > 0 ? "deferred" : "freed"),
  };
};

const mapWhileRevoked: Scenario = (bugs) => {
  const m = machine({ bugs, frames: 1024, pages: 128, guestPages: 32 });
  const shared = m.grants.allocShared()!;
  const ref = m.grants.grant(0, shared, false);
  const frame = m.d.map.frameOf(shared);
  return {
    actors: [
      mapGrantSteps(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: empty }),
      m.grants.endAccessAndFreeSteps(ref, shared),
    ],
    broken: () => rules(m, ref, frame),
    outcome: () => `${m.d0.grants.liveHandles} mapped, ${m.grants.waitingCount} waiting`,
  };
};

/** Two CPUs of the mapper on one entry: pins and maps must add up. */
const twoMaps =
  (version: 1 | 2): Scenario =>
  (bugs) => {
    const m = machine({ bugs, frames: 1024, pages: 128, guestPages: 32 });
    if (version === 2) setVersion(m.h, m.d, 2);
    const shared = m.grants.allocShared()!;
    const ref = m.grants.grant(0, shared, false);
    const frame = m.d.map.frameOf(shared);
    const one = (page: number) => mapGrantSteps(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page });
    return {
      actors: [one(empty), one(empty + 1)],
      broken: () => rules(m, ref, frame) ?? pinsAddUp(m, ref),
      outcome: () => `${m.d0.grants.liveHandles} mapped, ${pins(m.d.grants.active.get(ref)!)} pins`,
    };
  };

const mapForWritingWhileUnmapped: Scenario = (bugs) => {
  const m = machine({ bugs, frames: 1024, pages: 128, guestPages: 32 });
  const shared = m.grants.allocShared()!;
  const ref = m.grants.grant(0, shared, false);
  const frame = m.d.map.frameOf(shared);
  const readOnly = MapFlag.host | MapFlag.readOnly;
  const { handle } = mapGrant(m.h, m.d0, { flags: readOnly, domain: 1, ref, page: empty });
  return {
    actors: [
      mapGrantSteps(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: empty + 1 }),
      unmapGrantSteps(m.h, m.d0, { handle, page: empty, bus: 0 }),
    ],
    broken: () => rules(m, ref, frame) ?? pinsAddUp(m, ref),
    outcome: () => `${m.d0.grants.liveHandles} mapped, ${m.grants.isInUse(ref) ? "in use" : "not in use"}`,
  };
};

const mapWhileCopied: Scenario = (bugs) => {
  const m = machine({ bugs, frames: 1024, pages: 128, guestPages: 32 });
  const shared = m.grants.allocShared()!;
  const ref = m.grants.grant(0, shared, false);
  const frame = m.d.map.frameOf(shared);
  const own = m.d0.map.frameOf(m.back.allocPages(0)!);
  const source = { domain: 1, at: ref, offset: 0 };
  return {
    actors: [
      copyGrantSteps(m.h, m.d0, {
        source,
        dest: { domain: 0, at: own, offset: 0 },
        length: 8,
        flags: CopyFlag.sourceRef,
      }),
      mapGrantSteps(m.h, m.d0, { flags: MapFlag.host, domain: 1, ref, page: empty }),
    ],
    broken: () => rules(m, ref, frame),
    outcome: () => `${m.d0.grants.liveHandles} mapped, ${pins(m.d.grants.active.get(ref)!)} pins`,
  };
};

/** While nothing is between: as many pins as mappings. */
function pinsAddUp(m: ReturnType<typeof machine>, ref: number): string | null {
  const active = m.d.grants.active.get(ref);
  const live = m.d0.grants.liveHandles;
  return active === undefined
    ? live > 0
      ? "a mapping has an active entry"
      : null
    : pins(active) < live
      ? "each mapping is pinned"
      : null;
}

const statusFrame: Scenario = (bugs) => {
  const m = machine({ bugs, model: "vp", frames: 1024, pages: 128, guestPages: 32 });
  setVersion(m.h, m.d, 2);
  return {
    actors: [addStatusToPhysmapSteps(m.h, m.d, { index: 0, page: 700 }), setVersionSteps(m.h, m.d, 1)],
    broken() {
      const frame = m.d.map.frameOf(700);
      return frame >= 0 && !m.h.frames.ownedBy(frame, 1) ? "a guest's map names no freed frame" : null;
    },
    outcome: () => `version ${m.d.grants.version}`,
  };
};

type Row = readonly [
  what: string,
  make: Scenario,
  outcomes: readonly string[],
  bugs: readonly (readonly [XenBugId, string])[],
];

const rows: readonly Row[] = [
  [
    "both halves are unmapped while the owner frees the page",
    halves,
    ["deferred", "freed"],
    [
      ["bits-cleared-early", "an entry shows use while it is pinned"],
      ["bits-cleared-with-device-pins", "an entry shows use while it is pinned"],
      ["handle-freed-twice", "a handle is free once"],
      ["zero-address-drops-references", "each mapped half holds a reference"],
    ],
  ],
  ["a grant is mapped twice at one time", twoMaps(1), ["2 mapped, 2 pins"], []],
  ["a grant of version 2 is mapped twice at one time", twoMaps(2), ["2 mapped, 2 pins"], []],
  [
    "a grant is mapped for writing while it is unmapped for reading",
    mapForWritingWhileUnmapped,
    ["1 mapped, in use"],
    [],
  ],
  ["a grant is mapped while it is copied from", mapWhileCopied, ["1 mapped, 1 pins"], []],
  [
    "a page is mapped while its owner frees it",
    mapWhileRevoked,
    ["0 mapped, 0 waiting", "1 mapped, 1 waiting"],
    [["test-then-free", "a revoked grant is mapped by nobody"]],
  ],
  [
    "a status frame is mapped while the version goes back",
    statusFrame,
    ["version 1", "version 2"],
    [["status-freed-while-mapped", "a guest's map names no freed frame"]],
  ],
];

for (const [what, make, outcomes, bugs] of rows) {
  test(`${what}: in every order all rules hold`, () => {
    const seen = everyOrder(() => make([]));
    expect([seen.broken, seen.outcomes]).toEqual([[], outcomes]);
    expect(seen.count).toBeGreaterThan(1);
  });
  for (const [bug, rule] of bugs) {
    test(`${what}: ${bug} shows in some order that not always ${rule}`, () => {
      expect(everyOrder(() => make([bug])).broken).toContain(rule);
    });
  }
}
