/**
 * A machine small enough to be searched twice: a driver that maps, unmaps and frees pages, a unit with a queue and two
 * remembered translations, and a device. Its table and its queue lie in memory; a bug can be switched on.
 */

import type { Universe } from "../../src/check/universe.js";
import { Memory } from "../../src/mem/memory.js";
import type { Actor } from "../../src/sim/actor.js";
import type { OnAccess } from "../../src/state/live.js";
import { MachineState } from "../../src/state/machine_state.js";
import { end, program } from "../../src/state/program.js";
import { cell, cells, type Live, record, wide } from "../../src/state/record.js";

export interface ToyOptions {
  readonly rounds: number;
  /** The page is freed without waiting for the flush. */
  readonly freesEarly?: boolean;
  /** The unit counts its flushes in a field that is no declared state, and forgets every third. */
  readonly hides?: boolean;
  readonly onAccess?: OnAccess;
}

const pages = 2;
const tableAt = 0;
const ringAt = 4096;
const ringSlots = 4;
const statusAt = 8192;

const Pages = record("pages", {
  inUse: cells(pages, "1 = the driver gave it to the device"),
  broken: cell<0 | 1>("1 = used when free"),
});
const Unit = record("unit", {
  tail: cell("descriptors that software posted"),
  head: cell("descriptors taken"),
  held: cell("value of the wait descriptor to be stored, plus one; 0 is none"),
  tags: cells(2, "page + 1 that an entry remembers; 0 is empty"),
  frames: cells(2, "what it translates to"),
});
const Device = record("device", {
  asked: cell("page + 1 it was asked to use; 0 is none"),
  lastFrame: wide("frame of its last access"),
});

interface Env {
  readonly memory: Memory;
  readonly unit: Live<typeof Unit.drafts>;
  readonly device: Live<typeof Device.drafts>;
  readonly pages: Live<typeof Pages.drafts>;
  readonly o: ToyOptions;
}

const entryAt = (page: number): number => tableAt + page * 64;

const unmapAndFree = program<Env>()(
  "driver",
  { round: cell("rounds done"), page: cell("page of this round"), posted: cell("descriptors posted, to be rung") },
  {
    choose: {
      when: ({ pages: p }, s) => p.inUse.get(0) + p.inUse.get(1) < pages && s.round >= 0,
      ways: () => pages,
      does({ pages: p }, s, way) {
        s.page = way;
        p.inUse.set(way, 1);
        return "map";
      },
    },
    map: {
      does({ memory }, s) {
        memory.store64(entryAt(s.page), 0x1000 * (s.page + 1) + 1, 0);
        return "ask";
      },
    },
    ask: {
      does({ device }, s) {
        device.asked = s.page + 1;
        return "clear";
      },
    },
    clear: {
      does({ memory }, s) {
        memory.store64(entryAt(s.page), 0, 0);
        return "flush";
      },
    },
    flush: {
      does({ memory, o }, s) {
        memory.store32(ringAt + (s.posted % ringSlots) * 64, s.page + 1);
        s.posted++;
        return o.freesEarly === true ? "ring, no wait" : "wait";
      },
    },
    wait: {
      does({ memory }, s) {
        memory.store32(ringAt + (s.posted % ringSlots) * 64, 0x100 + s.round + 1);
        s.posted++;
        return "ring";
      },
    },
    ring: {
      does({ unit }, s) {
        unit.tail = s.posted;
        return "done?";
      },
    },
    "ring, no wait": {
      does({ unit }, s) {
        unit.tail = s.posted;
        return "free";
      },
    },
    "done?": { when: ({ memory }, s) => memory.load32(statusAt) === s.round + 1, does: () => "free" },
    free: {
      does({ pages: p, o }, s) {
        p.inUse.set(s.page, 0);
        s.round++;
        return s.round === o.rounds ? end : "choose";
      },
    },
  },
);

/** Takes descriptors one by one; forgets one page, or stores the value of a wait. */
function unitActor({ unit, memory, o }: Env): Actor {
  let flushes = 0;
  return {
    name: "unit",
    choices: () => (unit.held > 0 || unit.head !== unit.tail ? 1 : 0),
    atomic: () => "the unit forgets a page in the step in which it reads what to forget",
    step() {
      if (unit.held > 0) {
        memory.store32(statusAt, unit.held - 1);
        unit.held = 0;
        return;
      }
      const what = memory.load32(ringAt + (unit.head % ringSlots) * 64);
      unit.head++;
      if (what >= 0x100) {
        unit.held = what - 0x100 + 1;
        return;
      }
      if (o.hides === true && ++flushes % 3 === 0) return;
      for (let i = 0; i < 2; i++) if (unit.tags.get(i) === what) unit.tags.set(i, 0);
    },
    label: () => (unit.held > 0 ? "store status" : "take descriptor"),
  };
}

/** Uses the page it was asked to use, as often as it likes, through what the unit remembers or the table says. */
function deviceActor({ unit, device, memory, pages: p }: Env): Actor {
  const hit = (): number => (unit.tags.get(0) === device.asked ? 0 : unit.tags.get(1) === device.asked ? 1 : -1);
  return {
    name: "device",
    choices: () => (device.asked === 0 ? 0 : hit() >= 0 ? 1 : 2),
    atomic: () => "a walk and what is remembered of it are one step in this toy",
    step(choice) {
      const at = hit();
      if (at >= 0) {
        device.lastFrame = unit.frames.get(at);
        if (p.inUse.get(unit.tags.get(at) - 1) === 0) p.broken = 1;
        return;
      }
      const entry = memory.load32(entryAt(device.asked - 1));
      if (entry === 0) {
        device.asked = 0;
        return;
      }
      unit.tags.set(choice, device.asked);
      unit.frames.set(choice, Math.floor(entry / 0x1000));
    },
    label: (choice) => (hit() >= 0 ? "access" : `walk, replace entry ${choice}`),
  };
}

export function toy(o: ToyOptions): Universe {
  const state = new MachineState(o.onAccess === undefined ? {} : { onAccess: o.onAccess });
  const memory = new Memory(3);
  memory.noteIn(state);
  const env: Env = {
    state,
    memory,
    unit: state.place(Unit),
    device: state.place(Device),
    pages: state.place(Pages),
    o,
  } as Env;
  const driver = unmapAndFree.start(state, env);
  return {
    state,
    actors: [driver, unitActor(env), deviceActor(env)],
    always: { "a free page is not used": () => env.pages.broken === 0 },
    sometimes: {
      "a translation outlives its entry": () => {
        const page = env.unit.tags.get(0);
        return page > 0 && memory.load32(entryAt(page - 1)) === 0;
      },
      "both pages are in use": () => env.pages.inUse.get(0) + env.pages.inUse.get(1) === 2,
    },
    atRest: { "the driver is done": () => driver.isDone },
  };
}
