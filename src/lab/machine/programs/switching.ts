/** The kernel's switches of a device between identity and a domain of its own. */
import { oneWay } from "../../../sim/actor.js";
import { SwitchLoad } from "../load/switch_load.js";
import type { Program, SwitchSite } from "./program.js";

export function switching({ description, n, device }: SwitchSite): Program {
  const load = new SwitchLoad(device, description.requests);
  return {
    description,
    actors: [oneWay(`switch ${n}`, load)],
    requests: () => ({ issued: load.issued, ended: load.ended, failed: 0 }),
    bytes: () => ({ written: 0, read: 0 }),
    wrong: () => [],
    refusals: () => [],
    refused: () => 0,
    notes: () => [],
    close: () => undefined,
  };
}
