/** For each bug of `sw/iommu/lifetime` a machine in which it shows: few devices, few pages, every order of their steps. */
import type { Universe } from "../../check/universe.js";
import type { Running } from "../../state/index.js";
import {
  assignInVain,
  attach,
  destroy,
  detachNothing,
  detachThenUnmap,
  leadElsewhere,
  mayTranslate,
} from "../../sw/iommu/lifetime/assign.js";
import type { LifetimeBugId, LifetimeBugs } from "../../sw/iommu/lifetime/bugs.js";
import { completion, giveBack } from "../../sw/iommu/lifetime/give_back.js";
import { releasePolicies } from "../../sw/iommu/lifetime/policies.js";
import type { Caller, ProtocolStep } from "../../sw/iommu/lifetime/protocol.js";
import { unlinkTable } from "../../sw/iommu/lifetime/table_pages.js";
import { unmapAndPoll, unmapThenWait } from "../../sw/iommu/lifetime/two_processors.js";
import * as U from "../../sw/iommu/lifetime/unmap.js";
import { type DeviceOptions, type MachineOptions, ownerOf, place } from "./layout.js";
import { type BuiltMachine, contextAt, contextWords } from "./machine.js";
import { pageLifetime } from "./page_lifetime.js";
import { type UniverseOptions, universeOf } from "./universe_of.js";
import type { Rule } from "./watch.js";

/** The first frame of a pair. */
const frame = 4;
const requester = 0x18;

/** A device without a TLB: its first write fills the unit's, the second may be stale. */
const plain: DeviceOptions = { requester, domain: 0, manners: null, writes: [frame, frame] };
const ats: DeviceOptions = { requester, domain: 0, manners: "answers", writes: [frame] };
const idle = { writes: [] } as const;

const one = (device: DeviceOptions, o: Partial<MachineOptions> = {}): MachineOptions => ({
  domains: [{ did: 1, maps: [{ frame, page: 0 }] }],
  ...{ devices: [device], pages: 1, timeOuts: 0 },
  ...o,
});
const pair = (device: DeviceOptions): MachineOptions =>
  one(device, { pages: 2, domains: [{ did: 1, maps: [0, 1].map((n) => ({ frame: frame + n, page: n })) }] });

/** The devices of domain 0 as its list knows them. */
const listed = (machine: MachineOptions, o: Partial<U.ListedDevice> = {}): readonly U.ListedDevice[] =>
  machine.devices
    .map((d, number) => ({ number, requester: d.requester, hasTlb: d.manners !== null }))
    .filter((d) => d.hasTlb)
    .map(({ number, requester }) => ({ number, requester, kind: "function", hidden: false, ...(number > 0 ? o : {}) }));

/** One processor that does what a list says to the entries of domain 0. */
function unmapping(
  machine: MachineOptions,
  rules: readonly Rule[],
  list: (o: U.Unmapping, m: BuiltMachine) => readonly ProtocolStep[],
  o: { readonly more?: Partial<U.ListedDevice>; readonly takes?: UniverseOptions["takes"] } = {},
) {
  return (bugs: LifetimeBugs): Universe =>
    universeOf({
      ...{ machine, rules, takes: o.takes ?? [{ page: 0 }] },
      protocols: (m) => {
        const sites = machine.domains[0]!.maps.map((x) => m.site(0, x.frame));
        return [{ name: "hypervisor", steps: list({ bugs, sites, devices: listed(machine, o.more) }, m) }];
      },
    });
}

/** A device of two functions, of which the second writes. */
const second: DeviceOptions = { ...ats, requester: requester + 1 };
const twoFunctions: MachineOptions = one(ats, { devices: [{ ...ats, ...idle }, second] });

const twoDomains = (dids: readonly [number, number], devices: readonly DeviceOptions[]): MachineOptions => ({
  domains: [
    { did: dids[0], maps: [{ frame, page: 0 }] },
    { did: dids[1], maps: [{ frame, page: 1 }] },
  ],
  ...{ devices, pages: 2, owners: [0, 1], timeOuts: 0 },
});

/** A device comes from domain 0 to domain 1. */
function leading(machine: MachineOptions, gives: boolean) {
  return (bugs: LifetimeBugs): Universe =>
    universeOf({
      ...{ machine, rules: ["I1"], takes: gives ? [{ page: 0 }] : [] },
      protocols: (m) => {
        const words = contextWords({ did: machine.domains[1]!.did, table: m.domains[1]!.top });
        const entries = machine.devices.map((d) => ({ at: contextAt(d.requester), requester: d.requester, words }));
        const to = (home: number) => {
          for (let n = 0; n < machine.devices.length; n++) m.homes.set(n, home);
        };
        const begins = () => to(ownerOf(0) + ownerOf(1) * 256);
        const steps = leadElsewhere({
          bugs,
          site: m.site(0, frame),
          entries,
          begins,
          moved: () => to(ownerOf(1)),
          gives,
        });
        return [{ name: "hypervisor", steps }];
      },
    });
}

function destroying(device: DeviceOptions, o: { readonly cached?: boolean } = {}) {
  const machine = one(device, o);
  return (bugs: LifetimeBugs): Universe =>
    universeOf({
      ...{ machine, rules: ["I1"], takes: [{ page: 0 }] },
      protocols: (m) => [
        { name: "hypervisor", steps: destroy({ bugs, site: m.site(0, frame), hasTlb: device.manners !== null, ...o }) },
      ],
    });
}

/** The table of the frame's entries is a page of the book, beside the page and one of another domain. */
const tableMachine: MachineOptions = {
  domains: [{ did: 1, maps: [{ frame, page: 0 }], tablePage: 1 }],
  ...{ devices: [{ ...plain, writes: [frame] }], pages: 3, owners: [0, 0, 1], timeOuts: 0 },
};

/** Who takes the table's page writes what suits it there: an entry that leads to a page of a third. */
const forged = (m: BuiltMachine) => m.memory.store(m.domains[0]!.leafAt(frame), [(place.pages + 2) * 4096 + 3, 0]);

const unlinking = unmapping(
  tableMachine,
  ["I2'"],
  ({ bugs }, m) => unlinkTable({ bugs, page: 1, entryAt: m.domains[0]!.lowEntryAt(frame), frame, did: 1 }),
  { takes: [{ page: 1, fill: forged }] },
);

/** Two pages are given back at once, and one handler is told of both. */
export function twoFlushes(bugs: LifetimeBugs): Universe {
  const machine = pair({ ...ats, ...idle });
  const sites = (m: BuiltMachine) => [0, 1].map((n) => m.site(0, frame + n));
  return universeOf({
    ...{ machine, rules: ["I1", "I3", "I9"], takes: [{ page: 0 }, { page: 1 }] },
    protocols(m) {
      m.ring.listen();
      return sites(m).map((site, n) => {
        const [{ when: _, ...first }, ...rest] = giveBack(releasePolicies["async-running"], site) as [ProtocolStep];
        return { name: `processor ${n + 1}`, steps: [first, ...rest] };
      });
    },
    others(m, running) {
      const callers = running as readonly (Running & { readonly locals: Caller })[];
      const of = sites(m).map((site, n) => ({ caller: callers[n]!.locals, site }));
      const clearsFirst = !bugs.has("woken-too-late");
      return [completion.start(m.state, { kernel: m.kernel, interrupt: m.interrupt, of, clearsFirst })];
    },
    endsWhen: (m) => [0, 1].every((page) => m.book.ownerOf(page) !== ownerOf(0)),
  });
}

/** One processor asks a device that is pulled out; another only the unit, for another domain. */
export function bystander(bugs: LifetimeBugs): Universe {
  const dying: DeviceOptions = { ...ats, manners: "never", leaves: true };
  const machine = {
    ...twoDomains([1, 2], [dying, { ...plain, requester: requester + 8, domain: 1, ...idle }]),
    timeOuts: 1,
  };
  return universeOf({
    ...{ machine, rules: ["I3"], takes: [{ page: 1 }], proved: ["bystander"] },
    protocols: (m) => [
      { name: "who asks the device", steps: unmapAndPoll({ bugs, site: m.site(0, frame, 0), hasTlb: true }) },
      { name: "bystander", steps: unmapAndPoll({ bugs, site: m.site(1, frame, 1), hasTlb: false }) },
    ],
  });
}

const moving = (bugs: LifetimeBugs): Universe => {
  const to = frame + 2;
  const machine = one(plain, { domains: [{ did: 1, maps: [{ frame, page: 0 }], spare: [to] }] });
  return universeOf({
    ...{ machine, rules: ["I1"], takes: [{ page: 0 }] },
    protocols(m) {
      const [from, there] = [m.site(0, frame), { ...m.site(0, to), page: 0 }];
      const o = { bugs, devices: [] };
      return [
        { name: "who moves it", steps: U.move({ ...o, sites: [from], to: there }) },
        { name: "who removes it", steps: U.removeMoved({ ...o, sites: [there] }) },
      ];
    },
  });
};

const eliding = (bugs: LifetimeBugs): Universe =>
  universeOf({
    ...{ machine: pair(plain), rules: ["I1"], takes: [{ page: 0 }] },
    // Of the second no more is needed than that it posts and waits.
    protocols: (m) =>
      [0, 1].map((n) => {
        const steps = unmapThenWait({ bugs, site: m.site(0, frame + n) });
        return { name: `processor ${n + 1}`, steps: n === 0 ? steps : steps.slice(0, -1) };
      }),
  });

const forging = (bugs: LifetimeBugs): Universe => {
  const may = mayTranslate(bugs, { isTrusted: false });
  const machine = one(
    { ...plain, writes: [frame], forges: 1 },
    { domains: [{ did: 1, maps: [{ frame, page: 0 }], ats: may }], pages: 2, owners: [0, 1] },
  );
  return universeOf({ machine, rules: ["I1"], takes: [], protocols: () => [] });
};

const inVain = (bugs: LifetimeBugs): Universe => {
  const machine = one({ ...plain, ...idle }, { domains: [{ did: 1, maps: [], spare: [frame] }] });
  return universeOf({
    ...{ machine, rules: ["I2"], takes: [{ page: 0 }] },
    protocols: (m) => [
      { name: "hypervisor", steps: assignInVain({ bugs, sites: [{ ...m.site(0, frame), page: 0 }], devices: [] }) },
    ],
  });
};

const impatient = { manners: "answers", populates: false, timeOuts: 0, hurries: true } as const;

export const lifetimeUniverses: Readonly<Record<LifetimeBugId, (bugs: LifetimeBugs) => Universe>> = {
  "flush-all-as-page-0": unmapping(one(plain), ["I1"], (o) => U.unmap({ ...o, everything: true })),
  "woken-too-late": twoFlushes,
  "removal-failure-ignored": unmapping(one({ ...plain, ...idle }), ["I2"], U.unmapWithoutMemory),
  "ats-for-strangers": forging,
  "rights-change-not-flushed": unmapping(one(ats), ["I1"], U.protect, { takes: [] }),
  "lazy-window": unmapping(one(plain), ["I1"], U.unmap),
  "entry-not-written-back": unmapping(one(plain, { cached: true }), ["I1"], U.unmapThroughCache),
  "batch-freed-early": unmapping(pair(ats), ["I1"], U.unmap),
  "moved-page-unreferenced": moving,
  "status-word-shared": (bugs) => {
    const status = bugs.has("status-word-shared") ? "of the processor" : "of the slot";
    return pageLifetime({ policy: { ...releasePolicies["xen-2016"], status }, ...impatient });
  },
  "timeout-not-reported": (bugs) => {
    const onSilence = bugs.has("timeout-not-reported") ? "free" : "fence";
    return pageLifetime({ policy: { ...releasePolicies["fence-then-free"], onSilence }, ...impatient });
  },
  "hidden-devices-skipped": unmapping(twoFunctions, ["I1"], U.unmap, { more: { hidden: true } }),
  "subdevices-not-listed": unmapping(twoFunctions, ["I1"], U.unmap, { more: { kind: "subdevice" } }),
  "deassign-stops-early": destroying(plain),
  "range-ends-at-the-top": unmapping(one(ats), ["I1"], U.unmap),
  "unpinned-beyond": unmapping(
    pair({ ...plain, ...idle }),
    ["I2"],
    (o) => U.unmapBesideAnother({ ...o, sites: o.sites.slice(0, 1), other: 1 }),
    { takes: [{ page: 1 }] },
  ),
  "old-domain-not-flushed": leading(twoDomains([1, 1], [plain]), true),
  "context-not-written-back": destroying({ ...plain, writes: [frame] }, { cached: true }),
  "phantom-left": leading(
    twoDomains(
      [1, 2],
      [
        { ...plain, ...idle },
        { ...plain, requester: requester + 1, writes: [frame] },
      ],
    ),
    false,
  ),
  "identity-untracked": inVain,
  "listed-before-ats": unmapping(one(ats, { startsUnlisted: true }), ["I1"], (o) => [
    ...attach({ bugs: o.bugs, device: o.devices[0]! }),
    ...U.unmap(o),
  ]),
  "unlisted-before-flush": unmapping(one(ats), ["I1"], detachThenUnmap),
  "kernel-tables-not-told": unlinking,
  "table-freed-before-flush": unlinking,
  "gather-never-filled": unmapping(one(plain), ["I3"], U.unmap),
  "large-entry-flushed-in-part": unmapping(
    pair({ ...ats, writes: [frame + 1] }),
    ["I1"],
    (o) => U.unmapInPieces({ ...o, asked: 1 }),
    { takes: [{ page: 1 }] },
  ),
  "wait-elided": eliding,
  "tag-dropped-twice": unmapping(one(ats), ["I1"], (o) => [
    detachNothing({ bugs: o.bugs, device: o.devices[0]! }),
    ...U.unmap(o),
  ]),
  "bystander-given-up": bystander,
};
