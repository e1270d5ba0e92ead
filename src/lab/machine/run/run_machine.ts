/** One run of a described machine from its seed to its end, and what is left over then. */
import { Misuse } from "../../../base/assert.js";
import { atOnce, type Paced } from "../../../base/paced.js";
import { type Choose, drawn, Rng } from "../../../base/rng.js";
import type { Memory } from "../../../mem/memory.js";
import { told as stepsTold } from "../../../sim/actor.js";
import { type Ran, runningUntilIdle } from "../../../sim/schedule.js";
import { Checker, heardBy } from "../../../sw/dma/index.js";
import type { Described } from "../description/description.js";
import type { MachineDescription } from "../description/schema.js";
import { buildDevices, type MachineDevice } from "../platform/devices.js";
import type { RegistersSeen } from "../platform/driven_unit.js";
import { buildHost, type Host, memoryDefault } from "../platform/host.js";
import type { Program } from "../programs/program.js";
import { buildPrograms } from "../programs/programs.js";
import { MachineWatch } from "../timeline/machine_watch.js";
import type { Timeline } from "../timeline/timeline.js";
import type { Ground } from "../units/ground.js";
import { Units } from "../units/units.js";
import { DmaLog } from "./dma_log.js";
import { freePages, type Left, leftOver } from "./left_over.js";

export interface MachineRun {
  readonly described: Described;
  readonly host: Host;
  readonly devices: readonly MachineDevice[];
  readonly programs: readonly Program[];
  readonly checker: Checker | null;
  readonly log: DmaLog;
  readonly seed: number;
  readonly ran: Ran;
  /** Grants, maps, references, pages and slots that outlive the run. */
  readonly left: readonly Left[];
}

export interface RunOptions {
  /** Keep the rules of the DMA API under watch. Default: yes. */
  readonly checks?: boolean;
  readonly seed?: number;
  /** Steps after which the run is cut. */
  readonly stepMax?: number;
  readonly snapshot?: Snapshot;
  /** Told of all that happens. */
  readonly timeline?: Timeline;
}

/** What can be seen of a machine from outside. */
export interface MachineSeen {
  readonly arch: MachineDescription["arch"];
  readonly memory: Memory;
  readonly registers: RegistersSeen;
  /** What drivers have mapped; null where the rules of the DMA API are not watched. */
  readonly mapped: Checker["mappings"] | null;
  /** The byte of memory that a device's bus address leads to; -1: none. */
  readonly behind: (bdf: string, bus: number) => number;
  readonly steps: number;
}

/** A look at the machine while it stands still between two steps; the run is the same with it and without. */
export interface Snapshot {
  /** After so many steps; null: when all work is done, and drivers still have their devices. */
  readonly after: number | null;
  readonly take: (seen: MachineSeen) => void;
}

/** A hostile guest may grant one page twice; what a driver does with it then breaks rules that it cannot keep. */
export const hasHostile = (m: MachineDescription): boolean => m.workload.some((w) => w.program.startsWith("hostile"));

/** @throws Unreadable for a machine that cannot be built; the message names the place in the description. */
export function runMachine(described: Described, o: RunOptions = {}): MachineRun {
  return atOnce(runningMachine(described, o));
}

/** The same, with a stop now and then. */
export function* runningMachine(described: Described, o: RunOptions = {}): Paced<MachineRun> {
  try {
    return yield* running(described, o);
  } catch (error) {
    if (error instanceof Misuse && error.code === "no-memory")
      return refuseMemory(described, error.message.replace(/^no-memory: /, ""));
    throw error;
  }
}

/** @param needed by whom, and how much, beside what is taken already */
function refuseMemory({ machine: m, refuse }: Described, needed: string): never {
  const path = m.xen === undefined ? ["memory"] : ["xen", "domains"];
  const found = m.xen?.domains.map((d) => d.memory) ?? [m.memory ?? memoryDefault];
  return refuse(path, `more memory: ${needed}, and no more is free`, `${found.join(" and ")} bytes`);
}

/** Devices do not stand still while a host works for its guest: one of those that have something to do takes a step. */
function goesOn(units: Units, choose: Choose): () => boolean {
  return () => {
    const ready = units.all.filter(({ hardware }) => hardware.choices() > 0);
    ready[ready.length > 1 ? choose(ready.length) : 0]?.hardware.step(0);
    return ready.length > 0;
  };
}

function* running(described: Described, o: RunOptions): Paced<MachineRun> {
  const { machine } = described;
  const host = buildHost(machine);
  yield 0;
  const { iommu, kernelIommu } = host;
  if (o.snapshot !== undefined && iommu === null)
    described.refuse(["iommu"], "an IOMMU, whose tables are what an image of memory is to show", "none");
  const behind = (bdf: string, bus: number) => iommu!.behind(bdf, bus);
  const checker =
    o.checks === false || hasHostile(machine)
      ? null
      : new Checker({
          ...{ guest: host.kernel, memory: host.kernel.memory },
          ...(kernelIommu !== null && { behind: (bdf: string, bus: number) => kernelIommu.physOf(bdf, bus) }),
          isTakenAway: (requester) => iommu?.isTakenAway(requester) ?? false,
        });
  const log = new DmaLog();
  const told = o.timeline === undefined ? null : new MachineWatch(o.timeline, machine);
  if (iommu !== null && told !== null) iommu.watch = told.bus;
  const devices = buildDevices(
    described,
    host,
    log.before(told === null ? checker : heardBy(told.api.checks, checker)),
  );
  yield 0;
  const seed = o.seed ?? machine.seed;
  const rng = new Rng(seed);
  const port = told?.bus.port(host.port) ?? host.port;
  const ground: Ground = {
    host,
    bus: port,
    memory: checker?.watchMemory(host.kernel.memory) ?? host.kernel.memory,
    port: checker?.watchPort(port) ?? port,
  };
  const before = freePages(host);
  const units = new Units(ground, devices, machine);
  const programs = buildPrograms(machine.workload, { ground, units, rng });
  if (host.nested !== null) host.nested.meanwhile = goesOn(units, drawn(seed));
  const actors = [...programs.flatMap((p) => p.actors), ...units.actors, ...(host.iommu?.actors ?? [])];
  const counted = actors.map((a) => stepsTold(a, () => host.clock.steps++));
  const working = told === null ? counted : counted.map((a) => told.counted(a));
  const asked = machine.workload.reduce((sum, w) => sum + w.requests, 0);
  function* until(to: number, taken: number): Paced<Ran> {
    const steps = runningUntilIdle(working, rng, to, taken);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) {
      // The last requests have ended before everything has come to rest.
      yield (0.99 * programs.reduce((sum, p) => sum + p.requests().ended, 0)) / asked;
    }
    return step.value;
  }
  const { stepMax = Number.MAX_SAFE_INTEGER, snapshot } = o;
  const pause = Math.min(snapshot?.after ?? stepMax, stepMax);
  let ran = yield* until(pause, 0);
  if (snapshot !== undefined && (snapshot.after ?? ran.steps) === ran.steps) {
    const { memory } = host;
    const { registers } = iommu!;
    const mapped = checker?.mappings ?? null;
    snapshot.take({ arch: machine.arch, memory, registers, mapped, behind, steps: ran.steps });
  }
  if (!ran.idle && ran.steps < stepMax) ran = yield* until(stepMax, ran.steps);
  yield 1;
  if (ran.idle && !host.isPaused()) {
    for (const p of programs) p.close();
    for (const u of units.all) u.close();
    for (const d of devices) d.api.unbind();
    host.iommu?.close();
  }
  return { described, host, devices, programs, checker, log, seed, ran, left: leftOver(host, devices, before) };
}
