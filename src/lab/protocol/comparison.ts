/** Policies side by side, each cell from all runs of a small machine: what breaks with which device, and what it costs. */
import { assert } from "../../base/assert.js";
import { explore } from "../../check/explore.js";
import type { ToldStep } from "../../check/universe.js";
import { type ReleasePolicyName, releasePolicies } from "../../sw/iommu/lifetime/policies.js";
import {
  allIsOver,
  callReturns,
  guestGoesOn,
  lifetimeRules,
  type PageLifetimeOptions,
  pageIsGiven,
  pageLifetime,
} from "./page_lifetime.js";
import { type Rule, ruled } from "./watch.js";

/** Manners of devices, from the best to none. */
export const devicesCompared = {
  "in time": { words: "forgets, and answers before anybody gives it up", manners: "answers", timeOuts: 0 },
  late: { words: "forgets and answers, maybe after it was given up", manners: "answers", timeOuts: 1 },
  twice: { words: "answers each invalidation twice", manners: "twice", timeOuts: 0 },
  wrong: { words: "answers, and has forgotten nothing", manners: "lies", timeOuts: 0 },
  never: { words: "does not answer, and goes on", manners: "never", timeOuts: 1 },
  gone: { words: "is pulled out, and does not answer", manners: "never", timeOuts: 1, leaves: true },
} as const satisfies Readonly<Record<string, { words: string } & Omit<PageLifetimeOptions, "policy">>>;
export type DeviceCompared = keyof typeof devicesCompared;

export interface ComparedCell {
  readonly device: DeviceCompared;
  /** What breaks, each with the steps of the shortest run to it. */
  readonly broken: readonly { readonly rule: Rule; readonly steps: readonly ToldStep[] }[];
  readonly states: number;
  /** Every state was reached; false: the search was cut, and what it did not find may be. */
  readonly complete: boolean;
}

/** What a policy costs where every device answers in time. A step is one step of anybody. */
export interface PolicyCost {
  /** Of the shortest run in which the guest goes on: steps from its call until then. */
  readonly guestWaits: number;
  /** Of them: steps for which none of its processors runs, after the hypervisor has done what it was asked. */
  readonly guestIsPaused: number;
  /** Of the shortest run in which the page comes to its next owner: steps for which it is of no use, from when its entry went. */
  readonly pageIsKept: number;
  /** Of that run: steps for which a processor of the hypervisor stands still. */
  readonly hypervisorStands: number;
  /** Of the shortest run to the end of it all: descriptors that the unit fetched, and interrupts that were taken. */
  readonly descriptors: number;
  readonly interrupts: number;
}

export interface ComparedPolicy {
  readonly name: ReleasePolicyName;
  readonly cells: readonly ComparedCell[];
  readonly cost: PolicyCost;
}

const limits = { statesMax: 200_000, bytesMax: 2 ** 28 };
/** A test audits the machine for hidden state; cells do not, each again. */
const options = { goesOn: true, auditEvery: 0 };

export function comparePolicy(name: ReleasePolicyName): ComparedPolicy {
  const devices = Object.keys(devicesCompared) as DeviceCompared[];
  return { name, cells: devices.map((device) => compared(name, device)), cost: costOf(name) };
}

export const comparePolicies = (): readonly ComparedPolicy[] =>
  (Object.keys(releasePolicies) as ReleasePolicyName[]).map(comparePolicy);

export function compared(name: ReleasePolicyName, device: DeviceCompared): ComparedCell {
  const policy = releasePolicies[name];
  const { violations, states, bounded } = explore(
    () => pageLifetime({ ...devicesCompared[device], policy }),
    limits,
    options,
  );
  const broken = lifetimeRules.flatMap((rule) =>
    violations.filter((v) => v.invariant === ruled(rule)).map(({ steps }) => ({ rule, steps })),
  );
  return { device, broken, states, complete: bounded === null };
}

export function costOf(name: ReleasePolicyName): PolicyCost {
  const run = shortest(name, pageIsGiven);
  const at = (is: (s: ToldStep) => boolean) => run.findIndex(is);
  const [asked, done] = [at((s) => s.step === "ask"), at((s) => s.step === "answered?")];
  const whole = shortest(name, allIsOver);
  const count = (step: string) => whole.filter((s) => s.step === step).length;
  const waiting = shortest(name, guestGoesOn);
  const behind = waiting.length - 1 - shortest(name, callReturns).length;
  return {
    guestWaits: waiting.length - 1 - waiting.findIndex((s) => s.actor === "guest"),
    guestIsPaused: releasePolicies[name].pauses ? behind : 0,
    pageIsKept: run.length - 1 - at((s) => s.step === "clear the entry"),
    hypervisorStands: done < 0 ? 0 : done - asked - 1,
    descriptors: count("fetch a descriptor"),
    interrupts: count("interrupt"),
  };
}

/** The shortest run to what is seen sometimes, all devices answering in time. */
function shortest(name: ReleasePolicyName, seen: string): readonly ToldStep[] {
  const build = () => {
    const universe = pageLifetime({ ...devicesCompared["in time"], policy: releasePolicies[name] });
    return { ...universe, always: { "not yet": () => !universe.sometimes[seen]!() }, sometimes: {} };
  };
  const { violated } = explore(build, limits, { auditEvery: 0 });
  assert(violated !== null, `${name}: ${seen} where every device answers in time`);
  return violated.steps;
}
