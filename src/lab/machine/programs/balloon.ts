/** A balloon: pages of a domain go back to the hypervisor, and others come, beside all else that the domain does. */
import { oneWay } from "../../../sim/actor.js";
import { BalloonLoad } from "../load/balloon_load.js";
import type { MemorySite, Program } from "./program.js";

export function balloon({ description, n, kernel, reservation, rng, onProcessors }: MemorySite): Program {
  const load = new BalloonLoad({ kernel, reservation, rng, requests: description.requests });
  return {
    description,
    actors: [onProcessors(oneWay(`balloon ${n}`, load))],
    requests: () => ({ issued: load.issued, ended: load.ended, failed: load.failed }),
    bytes: () => ({ written: load.bytesWritten, read: load.bytesRead }),
    wrong: () => load.wrong,
    refusals: () => [],
    refused: () => 0,
    notes: () => [],
    close: () => load.close(),
  };
}
