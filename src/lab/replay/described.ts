/** A described machine laid over an inferred one: its devices' facts, and its pool to be tried instead. */
import { describedPool, type MachineDescription } from "../machine/description.js";
import type { Machine } from "./machine.js";
import type { Setting } from "./what_if.js";

export function withDescribedDevices(m: MachineDescription, machine: Machine, names: readonly string[]): Machine {
  const devices = machine.devices.map((inferred, i) => {
    const told = m.devices.find((d) => d.bdf === names[i]);
    if (told === undefined) return inferred;
    const { driver = inferred.driver, minAlignMask = inferred.minAlignMask, boundary = inferred.boundary } = told;
    const aligned = told.minAlignMask !== undefined || told.boundary !== undefined;
    return { driver, minAlignMask, boundary, from: aligned ? ("described" as const) : inferred.from };
  });
  return { ...machine, kernel: m.kernel ?? machine.kernel, devices };
}

/** @returns null when the description says nothing of a pool. */
export function describedSetting(m: MachineDescription, machine: Machine): Setting | null {
  const { slots = 32768, areas = 1 } = machine.pool ?? {};
  return describedPool(m, { cpus: machine.cpus, slots, areas });
}
