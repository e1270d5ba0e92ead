/** Programs drawn from a seed: whatever is asked of the core, in any order, with refusals in between. */
import { Rng } from "../../../../src/base/rng.js";
import { MachineState, type Mark } from "../../../../src/state/index.js";
import * as at from "../../../../src/sw/iommu/group/attach.js";
import type { AttachBugId } from "../../../../src/sw/iommu/group/bugs.js";
import { CacheTags, tagWords } from "../../../../src/sw/iommu/group/cache_tags.js";
import { setDefaultType, setUpDefault } from "../../../../src/sw/iommu/group/default_domain.js";
import { DomainBook } from "../../../../src/sw/iommu/group/domain_book.js";
import { DomainIds } from "../../../../src/sw/iommu/group/domain_ids.js";
import { type GroupDevice, requiresDirect } from "../../../../src/sw/iommu/group/driver.js";
import type { Result } from "../../../../src/sw/iommu/group/errno.js";
import { Group } from "../../../../src/sw/iommu/group/group.js";
import * as own from "../../../../src/sw/iommu/group/ownership.js";
import { attachPasid, detachPasid, replacePasid } from "../../../../src/sw/iommu/group/pasids.js";
import { finishReset, prepareReset } from "../../../../src/sw/iommu/group/reset.js";
import { ensureBlockingDomain } from "../../../../src/sw/iommu/group/set_domain.js";
import { TaggedDriver, type Whose } from "../../../../src/sw/iommu/group/tagged_driver.js";
import { CachingUnit, type Omission } from "./caching_unit.js";
import { frameMax, type TestedUnit } from "./tested_unit.js";

const pasids = 4;
const region = { first: 0x1000, last: 0x1fff };

export interface BenchOptions {
  /** Firmware relies on a device of the second group. */
  readonly isRelied?: boolean;
  readonly omits?: Omission;
  /** Of core or driver. */
  readonly bug?: AttachBugId;
  /** Left out: one that keeps whatever it may. */
  readonly unit?: (o: { readonly domains: DomainBook; readonly identity: number }) => TestedUnit;
}

/** Two groups of two devices behind one unit; sometimes firmware relies on one. */
export class Bench {
  rng = new Rng(0);
  readonly state = new MachineState();
  readonly domains = new DomainBook(this.state, 12);
  readonly tags = new CacheTags(this.state, 40);
  readonly ids = new DomainIds(this.state, { first: 2, count: 12 });
  readonly unit: TestedUnit;
  readonly driver: TaggedDriver;
  readonly groups: readonly Group[];
  readonly warnings: string[] = [];
  /** The next attachments that are refused. */
  refuses = 0;
  readonly #start: Mark;
  #handle = 1;

  constructor(o: BenchOptions = {}) {
    const { isRelied = false, omits } = o;
    const bugs = new Set(o.bug === undefined ? [] : [o.bug]);
    const { state, domains, tags, ids } = this;
    const [blocked, identity] = (["blocked", "identity"] as const).map((kind) => domains.allocate({ kind }) as number);
    // Known to all as one of its own, for which there is nothing to forget.
    ids.take(identity!);
    const make = o.unit ?? ((u) => new CachingUnit({ ...u, ...(omits !== undefined && { omits }) }));
    this.unit = make({ domains, identity: identity! });
    const refuses = (asked: Whose & { readonly domain: number }): Result =>
      this.refuses > 0 && --this.refuses >= 0 ? "ENOMEM" : (this.unit.refuses?.(asked) ?? null);
    const of = { blocked: blocked!, identity: identity!, refuses, bugs };
    this.driver = new TaggedDriver({ domains, tags, ids, unit: this.unit, ...of });
    this.groups = [0, 1].map((g) => {
      const devices: GroupDevice[] = [0, 1].map((d) => ({
        ...{ number: g * 2 + d, maxPasids: d === 0 ? pasids : 0 },
        regions: isRelied && g === 1 && d === 1 ? [region] : [],
      }));
      const warned = (what: string) => this.warnings.push(what);
      return new Group({ state, driver: this.driver, devices, pasids, bugs, name: `group ${g}`, warned });
    });
    state.begin();
    this.#start = state.mark();
  }

  /** As it was made, and then as a program finds it. */
  begin(seed: number): void {
    this.state.undoTo(this.#start);
    this.rng = new Rng(seed);
    this.unit.forgetAll(this.rng);
    this.warnings.length = 0;
    this.#handle = 1;
    for (const group of this.groups) {
      // What a first claim makes is no change of what is attached.
      ensureBlockingDomain(group);
      setUpDefault(group, this.rng.below(2) === 0 ? "identity" : "DMA");
    }
    const { domains } = this;
    const parent = domains.allocate({ kind: "paging", nests: true, pasids: true }) as number;
    domains.allocate({ kind: "nested", parent, pasids: true });
    domains.allocate({ kind: "paging", pasids: true });
    for (let frame = 0; frame < frameMax; frame++) this.unit.map(parent, frame, 50 + frame);
  }

  get handle(): number {
    return this.#handle++;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.rng.below(list.length)]!;
  }

  /** Domains that somebody made for himself. */
  free(): readonly number[] {
    const held = this.groups.flatMap(({ s }) => [s.defaultDomain, s.blockingDomain]);
    return Array.from({ length: this.domains.count }, (_, n) => n + 1).filter(
      (n) => n > 2 && this.domains.isThere(n) && !held.includes(n),
    );
  }

  isUsed(domain: number): boolean {
    return this.groups.some(
      ({ s, pasids: p }) =>
        s.domain === domain || p.domainOf(0) === domain || p.used().some((n) => p.domainOf(n) === domain),
    );
  }

  /** Where the core leads a device. */
  ledTo = ({ device, pasid }: Whose): number => {
    const group = this.groups[device >>> 1]!;
    const { s } = group;
    if (s.resettingDevice === device + 1) return pasid === 0 ? this.driver.blocked : 0;
    const led = pasid === 0 ? s.domain : (device & 1) === 0 ? group.pasids.domainOf(pasid) : 0;
    return led;
  };
}

type Operation = (b: Bench, group: Group) => Result | "does not fail";

const never = (does: () => void): "does not fail" => {
  does();
  return "does not fail";
};
const known = (made: number | Result): Result => (typeof made === "number" ? null : made);
const some = (b: Bench) => b.pick(b.free().length === 0 ? [b.driver.identity] : b.free());

const operations: Readonly<Record<string, Operation>> = {
  allocate(b) {
    const parents = b.free().filter((n) => b.domains.nests(n));
    const kind = b.pick(["paging", "paging", "nested", "sva"] as const);
    if (kind === "nested" && parents.length > 0)
      return known(b.domains.allocate({ kind, parent: b.pick(parents), pasids: true }));
    return known(b.domains.allocate({ kind: "paging", nests: b.rng.below(2) === 0, pasids: true }));
  },
  free: (b) =>
    never(() => {
      const unused = b.free().filter((n) => !b.isUsed(n) && !b.free().some((c) => b.domains.parentOf(c) === n));
      if (unused.length === 0) return;
      const domain = b.pick(unused);
      b.unit.clear(domain);
      b.domains.free(domain);
    }),
  attach: (b, g) => at.attachGroupHandle(g, some(b), b.handle),
  "replace, a handle": (b, g) => at.replaceGroupHandle(g, some(b), b.handle),
  detach: (_, g) => never(() => at.detachGroupHandle(g)),
  "attach a PASID": (b, g) => attachPasid(g, { pasid: b.rng.below(pasids + 1), domain: some(b), handle: b.handle }),
  "replace a PASID": (b, g) => replacePasid(g, { pasid: b.rng.below(pasids), domain: some(b), handle: b.handle }),
  "detach a PASID": (b, g) => never(() => detachPasid(g, 1 + b.rng.below(pasids - 1))),
  claim: (b, g) => own.claimDevice(g, 1 + b.rng.below(2)),
  // Who owns a group detaches before he gives it back.
  release: (_, g) =>
    never(() => {
      if (g.s.owner === 0 || !g.pasids.isEmpty) return;
      own.releaseDevice(g);
    }),
  "use the default": (_, g) => own.useDefaultDomain(g),
  "leave the default": (_, g) =>
    never(() => {
      if (g.s.owner === 0 && g.s.ownerCount > 0 && g.pasids.isEmpty) own.unuseDefaultDomain(g);
    }),
  type: (b, g) => setDefaultType(g, b.pick(["identity", "DMA", "DMA-FQ"] as const)),
  reset: (b, g) => prepareReset(g, b.pick(g.devices)),
  "reset is over": (_, g) =>
    never(() => {
      const device = g.devices.find((d) => d.number + 1 === g.s.resettingDevice);
      if (device !== undefined) finishReset(g, device);
    }),
  map: (b) =>
    never(() => {
      const [domain, frame] = [some(b), b.rng.below(frameMax)];
      if (b.domains.kindOf(domain) === "paging" && b.unit.walk(domain, frame) === 0)
        b.unit.map(domain, frame, 1 + b.rng.below(100));
    }),
  unmap: (b) =>
    never(() => {
      const [domain, frame] = [some(b), b.rng.below(frameMax)];
      if (b.domains.kindOf(domain) !== "paging") return;
      b.unit.map(domain, frame, 0);
      b.driver.unmapped(domain, frame);
    }),
};

/** What must not be refused on the way: to what a device leads back, or where nobody can be told. */
const refusable = ["attach", "replace, a handle", "attach a PASID", "replace a PASID", "type"];

const fallible = new Set([...refusable, "claim", "use the default", "allocate", "reset"]);

/** @returns what did not hold, in words with the steps to it; null: all did */
export function programOf(b: Bench, seed: number, steps: number): string | null {
  b.begin(seed);
  const names = Object.keys(operations);
  const said: string[] = [];
  for (let n = 0; n < steps; n++) {
    const name = b.pick(names);
    const group = b.pick(b.groups);
    const devices = group.devices.length;
    // The first refusal of an operation is one that it must bear; a second would be of what stood before.
    b.refuses = refusable.includes(name) && b.rng.below(3) === 0 ? 1 : 0;
    const before = fallible.has(name) ? snapshot(b) : [];
    b.unit.begins?.();
    const result = operations[name]!(b, group);
    const strayed = b.unit.ends?.() ?? null;
    b.refuses = 0;
    said.push(`${name} (${devices} devices): ${result ?? "done"}`);
    const failed = result !== null && result !== "does not fail";
    const wrong =
      strayed ?? (failed && !isAsBefore(b, before) ? `${name} failed, and changed something` : null) ?? check(b);
    if (wrong !== null) return [wrong, ...said].join("\n");
    for (let k = 0; k < 4; k++) {
      const [whose, frame] = [{ device: b.rng.below(4), pasid: b.rng.below(3) }, b.rng.below(frameMax)];
      const led = b.ledTo(whose);
      const [reached, meant] = [b.unit.reach(whose, frame), led === 0 ? 0 : b.unit.walk(led, frame)];
      if (reached !== meant)
        return [`I4: ${JSON.stringify(whose)} reaches ${reached}, not ${meant}`, ...said].join("\n");
    }
  }
  return null;
}

function check(b: Bench): string | null {
  if (b.warnings.length > 0) return b.warnings[0]!;
  for (const { s, devices } of b.groups) {
    if (!b.domains.isThere(s.domain)) return "I2: a group leads to a domain that is not there";
    const isBlocked = devices.some((d) => requiresDirect(d)) && b.domains.kindOf(s.domain) === "blocked";
    if (isBlocked) return "a device that firmware relies on is blocked";
    if (s.domain === s.defaultDomain && devices.some(requiresDirect) && b.domains.kindOf(s.domain) === "paging")
      if (b.domains.directOf(s.domain) === 0) return "a device is without its region";
  }
  return b.unit.stale(b.ledTo, (domain) => b.ids.of(domain));
}

/** All that is declared, part by part. */
const snapshot = ({ state }: Bench): readonly Uint32Array[] => state.parts.map((p) => p.words.slice());

/** In which slot a tag stands, and by which number a unit knows a domain, is no matter. */
function isAsBefore({ state }: Bench, before: readonly Uint32Array[]): boolean {
  return state.parts.every(({ name, words }, n) => {
    const was = before[n]!;
    if (name === "domain ids" || words.every((w, k) => w === was[k])) return true;
    return name === "cache tags" && tagsSaid(words) === tagsSaid(was);
  });
}

function tagsSaid(words: Uint32Array): string {
  const tags: string[] = [];
  for (let at = 0; at < words.length; at += tagWords) {
    const [users, domain, kind, _id, ...whose] = words.subarray(at, at + tagWords);
    if (users !== 0) tags.push([users, domain, kind, ...whose].join());
  }
  return tags.sort().join(";");
}
