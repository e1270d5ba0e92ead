/**
 * DMA in flight: a device goes on writing through a whole unit while its entry is replaced, and each write is told as the old
 * domain's, the new one's, refused, or wrong.
 */
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import type { Universe } from "../../../check/universe.js";
import { AddressType, Outcome } from "../../../hw/iommu/core/request.js";
import type { Actor } from "../../../sim/actor.js";
import { cell, end, program, record } from "../../../state/index.js";
import type { ReplaceStep } from "../../../sw/iommu/entry/sequences/sequence.js";
import { stepWords } from "../entry_universe.js";
import { universeOfReplacement } from "../replacement.js";
import { type Flight, type FlightHardware, type FlightUnit, written } from "./unit.js";

export const flightRules = {
  I4: "each write goes where the old domain leads it, or the new one, or is refused",
  I5: "no write to where both lead alike is refused",
  after: "a write that begins when it is over goes where the new domain leads it",
  neighbour: "a device that stays is led where its own domain leads it",
} as const;
export type FlightRule = keyof typeof flightRules;
export const changeIsOver = "the change is over";
export const flightRuled = (rule: FlightRule): string =>
  /^I\d$/.test(rule) ? `${rule}: ${flightRules[rule]}` : flightRules[rule];

const Seen = record("what came of it", {
  strayed: cell("1 = a write went where neither domain leads it, to this frame; 0 = none did"),
  refused: cell<0 | 1>("1 = a write was refused that both domains let pass"),
  stale: cell<0 | 1>("1 = a write went the old way when it was over"),
});

const SeenBeside = record("what came of the device that stays", {
  landed: cell("the frame that its write reached; 0 = none yet"),
  misled: cell<0 | 1>("1 = a write of it went elsewhere than its domain leads it, or was refused"),
});

export interface InFlight extends Omit<FlightHardware, "neighbour"> {
  readonly flight: Flight;
  readonly from: string;
  readonly to: string;
  readonly sequence: string;
  /** Writes of the device; default 2: one that leaves something behind, and one that finds it. */
  readonly writes?: number;
  /** Another device is led by the old tables, and stays: under the old tag, or under one of its own. Left out: none is. */
  readonly neighbour?: "the old tag" | "its own tag";
}

interface DriverEnv {
  readonly unit: FlightUnit;
  readonly steps: readonly ReplaceStep[];
}

const driver = program<DriverEnv>()(
  "kernel",
  { at: cell("steps that it has taken") },
  {
    "take a step": {
      atomic: "a store is seen at once; nobody reads descriptors before the doorbell, which comes last",
      does({ unit, steps }, s) {
        const step = steps[s.at]!;
        if (step.kind === "store") unit.memory.store(unit.entryAt + step.word * 4, step.words);
        else unit.ask(step.kind === "sync" ? "entry" : step.tag);
        s.at++;
        if (step.kind !== "store") return "answered?";
        return s.at < steps.length ? "take a step" : end;
      },
    },
    "answered?": {
      when: ({ unit }) => unit.isAnswered(),
      does: ({ steps }, s) => (s.at < steps.length ? "take a step" : end),
    },
  },
);

interface DeviceEnv extends Pick<FlightUnit, "memory" | "transaction" | "requester"> {
  readonly writes: number;
  /** What it may write to. */
  readonly frames: readonly number[];
  readonly isOver: () => boolean;
  readonly judge: (o: {
    readonly frame: number;
    readonly reached: number | null;
    readonly begunAfter: boolean;
  }) => void;
}

const device = program<DeviceEnv>()(
  "device",
  {
    done: cell("writes so far"),
    frame: cell("what it writes to"),
    begunAfter: cell<0 | 1>("1 = the replacement was over when this write began"),
  },
  {
    write: {
      ways: ({ frames }) => frames.length,
      atomic: "one message",
      does({ transaction, requester, frames, isOver }, s, way) {
        s.frame = frames[way]!;
        s.begunAfter = isOver() ? 1 : 0;
        const request = { requester, pasid: null, offset: 0, write: true, type: AddressType.untranslated };
        transaction.begin({ ...request, frame: s.frame });
        return "arrive";
      },
    },
    arrive: {
      when: ({ transaction }) => transaction.isDone,
      atomic: "an answer is one message",
      does({ memory, transaction, writes, judge }, s) {
        const { outcome, frame } = transaction.result;
        transaction.end();
        const reached = outcome === Outcome.passes ? frame : null;
        if (reached !== null) memory.store32(reached * frameBytes + 4, s.done + 1);
        judge({ frame: s.frame, reached, begunAfter: s.begunAfter === 1 });
        s.frame = s.begunAfter = 0;
        return ++s.done >= writes ? end : "write";
      },
    },
  },
);

/** Who changes what a device is attached to, and how it is seen. */
export interface Watched {
  readonly unit: FlightUnit;
  /** Where a frame leads before the change and after it: a frame, or null for a refusal. */
  readonly before: (frame: number) => number | null;
  readonly after: (frame: number) => number | null;
  readonly writes: number;
  /** @returns who makes the change; null: nothing is to be done */
  readonly start: () => (Actor & { readonly isDone: boolean }) | null;
}

export function watched({ unit, before, after, writes, start }: Watched): Universe {
  const { state, memory } = unit;
  const seen = state.place(Seen);
  memory.noteIn(state);
  const changer = start();
  const isOver = () => changer?.isDone ?? true;
  const { transaction, requester, neighbour } = unit;
  // Beside another device it is the frame that domains lead apart that shows who meets whose translations.
  const frames = neighbour === null ? [written.apart, written.alike] : [written.apart];
  const running = device.start(state, {
    ...{ memory, transaction, requester, writes, frames, isOver },
    judge({ frame, reached, begunAfter }) {
      const [a, b] = [before(frame), after(frame)];
      if (reached === null) {
        if (a !== null && a === b) seen.refused = 1;
        if (begunAfter && b !== null) seen.stale = 1;
        return;
      }
      if (reached !== a && reached !== b) seen.strayed = reached;
      if (begunAfter && reached !== b) seen.stale = 1;
    },
  });
  const beside = besideIt(unit, before, isOver);
  return {
    state,
    actors: [running, transaction, ...beside.actors, ...unit.actors, ...(changer === null ? [] : [changer])],
    always: {
      ...beside.always,
      [flightRuled("I4")]: () => seen.strayed === 0,
      [flightRuled("I5")]: () => seen.refused === 0,
      [flightRuled("after")]: () => seen.stale === 0,
    },
    sometimes: { [changeIsOver]: isOver },
    ...(beside.facts !== undefined && { facts: beside.facts }),
  };
}

/** The device that stays, where there is one. @param leads by its domain: as the other was led before */
function besideIt(
  unit: FlightUnit,
  leads: Watched["before"],
  isOver: () => boolean,
): Pick<Universe, "actors" | "always" | "facts"> {
  const { state, memory, neighbour } = unit;
  if (neighbour === null) return { actors: [], always: {} };
  const seen = state.place(SeenBeside);
  const frames = [written.apart];
  const env: DeviceEnv = {
    ...{ memory, ...neighbour, writes: 1, frames, isOver },
    judge({ frame, reached }) {
      seen.landed = reached ?? 0;
      if (reached !== leads(frame)) seen.misled = 1;
    },
  };
  const own = hex(leads(frames[0]!) ?? 0);
  return {
    actors: [device.start(state, env, "device that stays"), neighbour.transaction],
    always: { [flightRuled("neighbour")]: () => seen.misled === 0 },
    facts: () =>
      seen.landed === 0 ? {} : { "its write is in frame": `${hex(seen.landed)}; its domain leads it to ${own}` },
  };
}

export function inFlight({ flight, from, to, sequence: name, writes = 2, neighbour, ...hardware }: InFlight): Universe {
  const { of } = flight;
  const { steps } = universeOfReplacement(of, { from, to, sequence: name, ...hardware });
  const unit = flight.build({ ...hardware, neighbour: neighbour !== undefined });
  unit.memory.store(unit.entryAt, of.entry(from, "old"));
  if (unit.neighbour !== null) {
    const tag = neighbour === "the old tag" ? "old" : "spare";
    unit.memory.store(unit.neighbour.entryAt, of.retagged(of.entry(from, "old"), tag));
  }
  return watched({
    ...{ unit, writes },
    before: (frame) => flight.leads(from, "old", frame),
    after: (frame) => flight.leads(to, "new", frame),
    start() {
      if (steps.length === 0) return null;
      return told(driver.start(unit.state, { unit, steps }), steps);
    },
  });
}

/** The kernel with what each step does for its label. */
function told(kernel: ReturnType<typeof driver.start>, steps: readonly ReplaceStep[]) {
  return {
    name: kernel.name,
    get isDone() {
      return kernel.isDone;
    },
    choices: () => kernel.choices(),
    step: (choice: number) => kernel.step(choice),
    label(choice: number) {
      const label = kernel.label(choice);
      return label === "take a step" ? stepWords(steps[kernel.locals.at]!) : label;
    },
    atomic: (choice: number) => kernel.atomic(choice),
  };
}
