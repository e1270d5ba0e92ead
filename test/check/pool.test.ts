/** Two CPUs that map and unmap in one area of a slot pool, in every order: the pool that machines run on is explored. */
import { expect, test } from "vitest";
import { explore } from "../../src/check/explore.js";
import type { Universe } from "../../src/check/universe.js";
import { MachineState } from "../../src/state/machine_state.js";
import { end, program } from "../../src/state/program.js";
import { cell } from "../../src/state/record.js";
import { plainSearch } from "../../src/sw/swiotlb/plain_search.js";
import { Pool } from "../../src/sw/swiotlb/pool.js";
import { Request } from "../../src/sw/swiotlb/request.js";
import { long } from "../tier.js";
import { naive } from "./naive.js";

const slots = 24;
/** Slots of a mapping, by the way it is made. */
const sizes = [4, 10];

interface Env {
  readonly pool: Pool;
  readonly cpu: number;
  readonly rounds: number;
}

/** The area's lock is held while it is searched and while it is given back: each is one step. */
const mapAndUnmap = program<Env>()(
  "map and unmap",
  { first: cell("offset of the first mapping, plus one"), second: cell("of the second"), round: cell("rounds done") },
  {
    map: {
      ways: () => sizes.length,
      does({ pool, cpu }, s, way) {
        s.first = pool.map(cpu, 0, 0, sizes[way]! * 2048, 0, 0, 0) + 1;
        return "map another";
      },
    },
    "map another": {
      does({ pool, cpu }, s) {
        s.second = pool.map(cpu, 0, 0, 6144, 0, 0, 0) + 1;
        return "unmap";
      },
    },
    unmap: {
      does({ pool }, s) {
        if (s.first > 0) pool.unmap(s.first - 1, 0);
        return "unmap another";
      },
    },
    "unmap another": {
      does({ pool, rounds }, s) {
        if (s.second > 0) pool.unmap(s.second - 1, 0);
        return ++s.round === rounds ? end : "map";
      },
    },
  },
);

function twoCpus(rounds: number): Universe {
  const state = new MachineState();
  const pool = new Pool({ start: 0x7000_0000, slots, areas: 1, state });
  const actors = [0, 1].map((cpu) => mapAndUnmap.start(state, { pool, cpu, rounds }, `CPU ${cpu}`));
  const request = new Request();
  const held = () => actors.flatMap((a) => [a.locals.first, a.locals.second]);
  return {
    state,
    actors,
    always: {
      "what is used is what is held": () => {
        let sum = 0;
        pool.forEachAllocation((_, count) => {
          sum += count;
        });
        return sum === pool.used && sum <= pool.hiwater && sum === pool.usedOf(0);
      },
      // The index is no state: it is right in states that were put back from anywhere.
      "what the index finds is what the walk finds": () => {
        for (let n = 1; n <= slots; n++) {
          request.resolve(pool.rules, 0, 0, n * 2048, 0, 0, 0);
          const walked = plainSearch(pool, request, 0, pool.areaIndex(0), pool.rules);
          if (pool.find(0, 0, 0, n * 2048, 0, 0, 0) !== (walked < 0 ? -1 : walked * 2048)) return false;
        }
        return true;
      },
    },
    sometimes: {
      "somebody finds no room": () => actors.some((a) => a.label(0) === "unmap" && a.locals.second === 0),
      "free slots lie apart": () => pool.longestRun() < slots - pool.used,
      "four are held": () => held().every((at) => at > 0),
    },
    atRest: { "nothing is left behind": () => pool.used === 0 },
  };
}

test.each([
  [1, 349, 514],
  [2, 19_522, 30_512],
])("%d rounds: nothing is lost, whatever the order", (rounds, states, transitions) => {
  const found = explore(() => twoCpus(rounds), { statesMax: 1e6, bytesMax: 2 ** 30 });
  expect(found).toMatchObject({ complete: true, violated: null });
  expect(Object.values(found.sometimes)).toEqual([true, true, true]);
  expect([found.states, found.transitions]).toEqual([states, transitions]);
  // What the plain search counts of two rounds takes as long as the others together.
  if (rounds === 1 || long) expect(naive(twoCpus(rounds))).toEqual({ states, transitions });
});
