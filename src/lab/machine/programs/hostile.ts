/**
 * Programs of hostile guests: they write random bytes into rings, grant entries and pages of segments while the back
 * end works on them, and between that requests that are almost right, so that every check of the back end is met. A back
 * end that halts a ring is connected anew.
 */
import { oneWay } from "../../../sim/actor.js";
import type { HostilePages } from "./hostile_pages.js";
import type { Line, Program } from "./program.js";
import { RefusalLog } from "./refusal_log.js";

/** Pages that a hostile guest shares behind those of its rings, for data. */
export const dataPages = 24;

/** A back end as its hostile peer's program sees it. */
interface Back {
  readonly halted: boolean;
  readonly idle: boolean;
  ready(): boolean;
  step(): void;
  disconnect(): void;
}

/** @param mischief one random write; @param connect a back end on rings that are clean again, and what it refuses */
export function hostile(o: {
  readonly line: Line;
  readonly pages: HostilePages;
  readonly mischief: () => void;
  readonly connect: (refused: RefusalLog) => Back;
}): Program {
  const { description, n } = o.line;
  let writes = 0;
  let now = new RefusalLog();
  let back = o.connect(now);
  let reconnects = 0;
  /** Of all back ends that were left. */
  const refused = new RefusalLog();
  const leave = () => {
    refused.join(now);
    back.disconnect();
  };
  const stuck = () => back.halted && back.idle;
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
          now = new RefusalLog();
          back = o.connect(now);
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
