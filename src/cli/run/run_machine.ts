/** `dmalab run MACHINE.yaml`: a described machine with its own drivers, from a seed to its end. */
import type { Paced } from "../../base/paced.js";
import { isTrouble } from "../../lab/machine/outcome.js";
import { machineOutcome } from "../../library/run_machine.js";
import { machineDocument, machineLines } from "../../report/index.js";
import type { Session } from "../session/session.js";

export interface MachineFlags {
  readonly seed?: number;
  readonly json?: boolean;
  /** Keep the rules of the DMA API under watch; --no-checks turns it off. */
  readonly checks?: boolean;
}

/** @returns 0 when every byte and every rule held, 1 otherwise. Throws Unreadable for a machine that cannot be. */
export async function runDescribed(name: string, text: string, flags: MachineFlags, session: Session): Promise<0 | 1> {
  const run = <T>(work: Paced<T>) => session.paced(`running ${name}`, work);
  const outcome = await machineOutcome({ name, said: text }, flags, { run });
  if (flags.json === true) session.json(machineDocument(outcome));
  else session.say(machineLines(outcome, session.screen));
  return isTrouble(outcome) ? 1 : 0;
}
