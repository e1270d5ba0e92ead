/** A protocol checked: on the reader's own machine, on that of one bug, or on all machines that it has. */
import { bugOf, checkBug, checkUniverse, type Search } from "./check_machine.js";
import type { CheckedMachine } from "./checked.js";
import type { Values } from "./parameter.js";
import type { Protocol } from "./protocol.js";

export interface Asked {
  /** The machine of this bug, with it and without; null: none. */
  readonly bug: string | null;
  /** Only the machine of these values; null: the usual one and those of all bugs, each without its bug. */
  readonly values: Values | null;
}

/** A machine to be explored, named before it is. */
export interface Planned {
  readonly name: string;
  check(search: Search): CheckedMachine;
}

/**
 * @param values of the protocol's parameters
 * @returns the machines to explore, in order; a string where the values make none, in words
 */
export function planOf(protocol: Protocol, values: Values, { bug, values: own }: Asked): readonly Planned[] | string {
  if (bug !== null) {
    return [true, false].map((on) => ({
      name: on ? bug : `${bug}, off`,
      check: (search) => checkBug(bugOf(bug), on, search),
    }));
  }
  const { machine } = protocol;
  const build = machine?.build(values) ?? null;
  if (typeof build === "string") return build;
  const usual: readonly Planned[] =
    build === null
      ? []
      : [{ name: "own", check: (search) => checkUniverse("own", build, search, machine!.mustSee(values)) }];
  if (own !== null) return usual;
  return [
    ...usual,
    ...protocol.bugs.map((id) => ({ name: id, check: (search: Search) => checkBug(bugOf(id), false, search) })),
  ];
}
