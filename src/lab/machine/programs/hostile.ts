/**
 * Programs of hostile guests: they write random bytes into rings, grant entries and pages of segments while the back
 * end works on them, and between that requests that are almost right, so that every check of the back end is met. A back
 * end that halts a ring is connected anew.
 */
import { oneWay } from "../../../sim/actor.js";
import { RefusalLog } from "../../../sw/driver/refusal_log.js";
import type { HostilePages } from "./hostile_pages.js";
import type { Line, Program } from "./program.js";

/** Pages that a hostile guest shares behind those of its rings, for data. */
export const dataPages = 24;

/** A back end as its hostile peer's program sees it. */
interface Back {
  readonly halted: string | null;
  readonly idle: boolean;
  readonly refusalLog: RefusalLog;
  ready(): boolean;
  step(): void;
  disconnect(): void;
}

/** @param mischief one random write; @param connect a back end on rings that are clean again */
export function hostile(o: {
  readonly line: Line;
  readonly pages: HostilePages;
  readonly mischief: () => void;
  readonly connect: () => Back;
}): Program {
  const { description, n } = o.line;
  let writes = 0;
  let back = o.connect();
  let reconnects = 0;
  const refused = new RefusalLog();
  const leave = () => {
    refused.join(back.refusalLog);
    back.disconnect();
  };
  const stuck = () => back.halted !== null && back.idle;
  return {
    description,
    actors: [
      oneWay(`hostile ${n}`, {
        ready: () => writes < description.requests,
        step: () => {
          writes++;
          o.mischief();
        },
      }),
      oneWay(`back ${n}`, { ready: () => back.ready(), step: () => back.step() }),
      oneWay(`toolstack ${n}`, {
        ready: () => stuck() && writes < description.requests,
        step: () => {
          leave();
          reconnects++;
          back = o.connect();
        },
      }),
    ],
    requests: () => ({ issued: writes, ended: writes, failed: 0 }),
    bytes: () => ({ written: 0, read: 0 }),
    wrong: () => [],
    refusals: () => refused.texts,
    refused: () => refused.count,
    notes: () => [`${writes} hostile writes, ${refused.count} refusals, connected again ${reconnects} times`],
    close: () => {
      leave();
      o.pages.close();
    },
  };
}
