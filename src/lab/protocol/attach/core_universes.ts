/**
 * The core and a driver whose unit is a list of where devices lead, with two who use them at a time: a reset, a device that
 * is pulled out, an owner. Each operation is one step, for it holds the group's lock.
 */
import type { Universe } from "../../../check/universe.js";
import { cell, end, MachineState, program, record, type Step } from "../../../state/index.js";
import { attachGroupHandle, detachGroupHandle, replaceGroupHandle } from "../../../sw/iommu/group/attach.js";
import { type AttachBugs, type AttachRule, attachRule } from "../../../sw/iommu/group/bugs.js";
import { setUpDefault } from "../../../sw/iommu/group/default_domain.js";
import { DomainBook, type DomainOptions, noDomain } from "../../../sw/iommu/group/domain_book.js";
import { type GroupDevice, requiresDirect } from "../../../sw/iommu/group/driver.js";
import { EntryDriver, type EntryDriverOptions } from "../../../sw/iommu/group/entry_driver.js";
import { Group } from "../../../sw/iommu/group/group.js";
import { claimGroup } from "../../../sw/iommu/group/ownership.js";
import { attachPasid, detachPasid } from "../../../sw/iommu/group/pasids.js";
import { finishReset, prepareReset } from "../../../sw/iommu/group/reset.js";

/** PASIDs that devices have: 1. */
const pasids = 2;

export interface Bench {
  readonly state: MachineState;
  readonly domains: DomainBook;
  readonly driver: EntryDriver;
  readonly groups: readonly [Group, Group];
  readonly presence: { present: 0 | 1 };
}

interface BenchOptions {
  readonly bugs: AttachBugs;
  /** Of the first device: does its driver refuse it? */
  readonly refuses?: (o: {
    readonly domain: number;
    readonly domains: DomainBook;
    readonly isPresent: boolean;
  }) => boolean;
  /** Firmware's, of the first device; then the kernel's drivers still have both groups. */
  readonly regions?: GroupDevice["regions"];
}

/** Two groups of one device behind one driver. */
export function bench({ bugs, refuses = () => false, regions = [] }: BenchOptions): Bench {
  const state = new MachineState();
  const domains = new DomainBook(state, 8);
  const presence = state.place(record("the slot", { present: cell<0 | 1>("1 = the first device is there", 1) }));
  const made = (kind: "blocked" | "identity") => domains.allocate({ kind }) as number;
  const blocked = bugs.has("no-blocking-domain") ? noDomain : made("blocked");
  const options: EntryDriverOptions = {
    ...{ state, domains, devices: 2, pasids, blocked, identity: made("identity"), bugs },
    refuses({ domain, device }) {
      const isRefused = device === 0 && refuses({ domain, domains, isPresent: presence.present === 1 });
      return isRefused ? "EINVAL" : null;
    },
  };
  const driver = new EntryDriver(options);
  const groups = [0, 1].map((number) => {
    const devices: GroupDevice[] = [{ number, maxPasids: pasids, regions: number === 0 ? regions : [] }];
    const group = new Group({ state, driver, devices, pasids, bugs, name: `group ${number + 1}` });
    setUpDefault(group, "identity");
    if (regions.length === 0) claimGroup(group, owner);
    return group;
  }) as [Group, Group];
  return { state, domains, driver, groups, presence };
}

const owner = 1;
export const newDomain = ({ domains }: Bench, o: Partial<DomainOptions> = {}): number =>
  domains.allocate({ kind: "paging", pasids: true, ...o }) as number;

export interface Act {
  readonly name: string;
  readonly steps: Readonly<Record<string, () => void>>;
}

/** One who does one thing after the other. */
export function actor(state: MachineState, { name, steps }: Act) {
  const names = Object.keys(steps);
  const list = names.map((step, n) => {
    const does: Step<null, Record<never, never>, string>["does"] = () => {
      steps[step]!();
      return names[n + 1] ?? end;
    };
    return [step, { atomic: "it holds the group's lock", does }] as const;
  });
  return program<null>()(name, { none: cell("nothing") }, Object.fromEntries(list)).start(state, null);
}

/** Both groups' devices are led where their groups say, to domains that are there, and unmappings are told to them. */
function universe(b: Bench, acts: readonly Act[]): Universe {
  const { state, domains, driver, groups } = b;
  const each = (holds: (device: number, pasid: number) => boolean) =>
    [0, 1].every((device) => [0, 1].every((pasid) => holds(device, pasid)));
  const isThere = (domain: number) => domain === noDomain || domains.isThere(domain);
  const looks: Readonly<Partial<Record<AttachRule, () => boolean>>> = {
    I2: () => each((device, pasid) => isThere(driver.entryOf(device, pasid))),
    I4: () => groups.every((g, n) => g.isResetting || driver.entryOf(n) === g.s.domain),
    I5: () => groups.every(({ devices: [d] }, n) => !requiresDirect(d!) || driver.entryOf(n) !== driver.blocked),
    tags: () => each((device, pasid) => driver.isTold(device, pasid)),
  };
  const running = acts.map((act) => actor(state, act));
  return {
    state,
    actors: running,
    always: Object.fromEntries(Object.entries(looks).map(([rule, look]) => [attachRule(rule as AttachRule), look])),
    sometimes: {},
    atRest: { "everybody has done what he was to do": () => running.every((r) => r.isDone) },
    facts: () =>
      Object.fromEntries(
        groups.flatMap(({ s, pasids: p }, n) => [
          [
            `group ${n + 1}`,
            `says ${said(b, s.domain)}${s.resettingDomain === noDomain ? "" : ", and its device is reset"}`,
          ],
          [`device ${n + 1}`, `is led to ${said(b, driver.entryOf(n))}`],
          ...(p.has(1) || driver.entryOf(n, 1) !== noDomain
            ? [[`PASID 1 of device ${n + 1}`, `is led to ${said(b, driver.entryOf(n, 1))}`]]
            : []),
        ]),
      ),
  };
}

function said({ domains, driver }: Bench, domain: number): string {
  if (domain === noDomain) return "nothing";
  const kind = domains.kindOf(domain);
  if (domain === driver.blocked || kind === "identity") return kind!;
  return kind === null ? `domain ${domain}, which is not there` : `domain ${domain} (${kind})`;
}

/** An owner gives a domain up while its device is reset. */
export function resetBesideDetach(bugs: AttachBugs): Universe {
  const b = bench({ bugs });
  const [group] = b.groups;
  const domain = newDomain(b);
  attachGroupHandle(group, domain, 1);
  return universe(b, [
    reset(group),
    {
      name: "owner",
      steps: { detach: () => detachGroupHandle(group), "free the domain": () => b.domains.free(domain) },
    },
  ]);
}

const reset = (group: Group): Act => {
  const [device] = group.devices as [GroupDevice];
  const steps = {
    "block the device": () => void prepareReset(group, device),
    "lead it back": () => finishReset(group, device),
  };
  return { name: "reset", steps };
};

/** The first device is pulled out, and its driver can do nothing with it but block it. */
export function goneBesideDetach(bugs: AttachBugs): Universe {
  const b = bench({ bugs, refuses: ({ isPresent }) => !isPresent });
  const [group] = b.groups;
  const domain = newDomain(b);
  attachGroupHandle(group, domain, 1);
  return universe(b, [
    { name: "slot", steps: { "is pulled out": () => (b.presence.present = 0) } },
    {
      name: "owner",
      steps: { detach: () => detachGroupHandle(group), "free the domain": () => b.domains.free(domain) },
    },
  ]);
}

/** An owner replaces a domain by one that notes writes, which the device's unit cannot. */
export function replaceInVain(bugs: AttachBugs): Universe {
  const b = bench({ bugs, refuses: ({ domain, domains }) => domains.tracksDirty(domain) });
  const [group] = b.groups;
  attachGroupHandle(group, newDomain(b), 1);
  const unfit = newDomain(b, { dirty: true });
  const steps = { "replace the domain by one that does not suit": () => void replaceGroupHandle(group, unfit, 2) };
  return universe(b, [{ name: "owner", steps }]);
}

/** From a guest's tables back to the domain that they are nested in; then the guest's are given up. */
export function nestedAndBack(bugs: AttachBugs): Universe {
  const b = bench({ bugs });
  const [group] = b.groups;
  const parent = newDomain(b, { nests: true });
  const nested = newDomain(b, { kind: "nested", parent });
  attachGroupHandle(group, parent, 1);
  return universe(b, [
    {
      name: "owner",
      steps: {
        "replace by the guest's": () => void replaceGroupHandle(group, nested, 2),
        "replace by its parent": () => void replaceGroupHandle(group, parent, 3),
        "free the guest's": () => b.domains.free(nested),
      },
    },
  ]);
}

/** A PASID is detached while its device is reset; another group's stays in the same domain. */
export function resetBesidePasid(bugs: AttachBugs): Universe {
  const b = bench({ bugs });
  const domain = newDomain(b);
  for (const group of b.groups) attachPasid(group, { pasid: 1, domain, handle: 1 });
  const [group] = b.groups;
  return universe(b, [reset(group), { name: "owner", steps: { "detach PASID 1": () => detachPasid(group, 1) } }]);
}

/** Somebody asks for a device that firmware has a region for: what he has not attached would be blocked. */
export function claimWithRegion(bugs: AttachBugs): Universe {
  const b = bench({ bugs, regions: [{ first: 0x4000, last: 0x4fff }] });
  const [group] = b.groups;
  return universe(b, [{ name: "owner", steps: { "claim the device": () => void claimGroup(group, owner) } }]);
}
