/** Mappings made by hand, for parts of a replay that are tested alone. */
import type { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { Outcome } from "../../../src/lab/replay/contracts/operation.js";

export interface Made {
  readonly time?: number;
  readonly device?: number;
  readonly task?: number;
  readonly orig?: number;
  readonly size?: number;
  readonly mask?: number;
  /** Forced, and so bounced. */
  readonly forced?: boolean;
  readonly bounced?: boolean;
  readonly list?: boolean;
  readonly listEnd?: boolean;
  /** Without one it was refused. */
  readonly address?: number;
  readonly outcome?: Outcome;
}

/** @returns the number of a mapping whose outcome is known. */
export function made(maps: Mappings, o: Made): number {
  const { time = 0, device = 0, task = 1, orig = 0x1000, size = 4096, mask = Number.NaN, address = Number.NaN } = o;
  const { forced = false, bounced = forced, list = false, listEnd = false } = o;
  const { outcome = Number.isNaN(address) ? Outcome.refused : Outcome.granted } = o;
  const m = maps.add();
  for (const [name, value] of Object.entries({ time, device, task, orig, size, mask, address })) {
    maps[name as "time"][m] = value;
  }
  const flags = { forced, bounced, list, listEnd };
  for (const [name, value] of Object.entries(flags)) maps[name as "forced"][m] = value ? 1 : 0;
  maps.cpu[m] = 0;
  maps.cpuAfter[m] = 0;
  maps.context[m] = 0;
  for (const name of ["lo", "at"] as const) maps[name][2 * m] = time;
  maps.loEvent[2 * m] = 0;
  maps.resolve(m, outcome, time, 0);
  return m;
}
