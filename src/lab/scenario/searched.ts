/** Every run of a small machine as a part of a story: the run that is worth telling, and what held in all of them. */
import { plural } from "../../base/count_words.js";
import { explore } from "../../check/explore.js";
import type { ToldStep, Universe } from "../../check/universe.js";
import { type Part, Teller } from "./story.js";

export interface SearchedPart {
  readonly title: string;
  readonly contrast?: boolean;
  readonly build: () => Universe;
  /** The rules that the part is about, by the name before their colon. Left out: all. */
  readonly rules?: readonly string[];
  /** What the told run comes to, of what is seen sometimes. Left out: to where nobody has anything left to do. */
  readonly to?: string;
}

const limits = { statesMax: 60_000, bytesMax: 2 ** 28 };
const goal = "the goal";

/** @returns the part: of a contrast that comes to nothing else, the shortest run to a rule that breaks */
export function searchedPart(o: SearchedPart): Part {
  const t = new Teller(o.title, o.contrast ?? false);
  const isLookedAt = (name: string) => o.rules?.some((r) => name === r || name.startsWith(`${r}:`)) ?? true;
  const build = () => {
    const universe = o.build();
    const only = (rules: Universe["always"]) =>
      Object.fromEntries(Object.entries(rules).filter(([n]) => isLookedAt(n)));
    const atRest = only(universe.atRest ?? {});
    const { to } = o;
    return {
      ...universe,
      always: { ...only(universe.always), ...(to !== undefined && { [goal]: () => !universe.sometimes[to]!() }) },
      atRest: { ...atRest, ...(to === undefined && { [goal]: () => false }) },
    };
  };
  const { facts, always, atRest } = build();
  t.step("machine", "before anybody has done anything", facts?.() ?? {});
  const found = explore(build, limits, { auditEvery: 0, goesOn: true });
  const of = (name: string) => found.violations.find((v) => v.invariant === name);
  const names = Object.keys({ ...always, ...atRest }).filter((name) => name !== goal);
  const broken = names.map(of).filter((v) => v !== undefined);
  const shortest = broken.sort((a, b) => a.steps.length - b.steps.length)[0];
  const told = o.contrast === true && o.to === undefined ? shortest : of(goal);
  const run = told?.steps ?? [];
  tell(run, t);
  const states = `${found.states.toLocaleString("en-US")} states${found.bounded === null ? ", all there are" : ", the search was cut"}`;
  for (const name of names) {
    const how = of(name);
    const elsewhere = how === told ? "" : ": another run than the one told";
    t.rule(
      name,
      how === undefined,
      how === undefined ? states : `broken in ${plural(how.steps.length, "step")}${elsewhere}`,
    );
  }
  return t.part;
}

/** A request's way through the unit is counted, where nothing is to be seen of it. */
function tell(run: readonly ToldStep[], t: Teller): void {
  let unseen = 0;
  for (const [n, { actor, step, facts }] of run.entries()) {
    const isSeen = !/^request/.test(actor) || Object.keys(facts).length > 0;
    if (!isSeen) unseen++;
    if (unseen > 0 && (isSeen || run[n + 1]?.actor !== actor)) {
      const who = isSeen ? run[n - 1]!.actor : actor;
      t.step(who, `${plural(unseen, "step")} on its way through the unit, of which nothing is to be seen`);
      unseen = 0;
    }
    if (isSeen) t.step(actor, step, facts);
  }
}
