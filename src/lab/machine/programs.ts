/** Programs of a machine: each row builds what one line of the workload asks for, out of hardware and drivers. */
import { blkback, disk, legacyDma, legacyPio } from "./disks.js";
import type { Ground, Program } from "./ground.js";
import { hostileBlk, hostileNet } from "./hostile.js";
import { net, netback } from "./network.js";
import type { ProgramDescription } from "./schema.js";

type Build = (g: Ground, w: ProgramDescription, n: number) => Program;

/** @param n the line of the workload */
export function buildProgram(g: Ground, w: ProgramDescription, n: number): Program {
  return builders[w.program](g, w, n);
}

const builders: Readonly<Record<ProgramDescription["program"], Build>> = {
  disk,
  blkback,
  "legacy-dma": legacyDma,
  "legacy-pio": legacyPio,
  net,
  netback,
  "hostile-blk": hostileBlk,
  "hostile-net": hostileNet,
};
