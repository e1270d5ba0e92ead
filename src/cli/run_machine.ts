/** `dmalab run MACHINE.yaml`: a described machine with its own drivers, from a seed to its end. */
import { describeMachine } from "../lab/machine/description.js";
import { isTrouble, outcomeOf } from "../lab/machine/outcome.js";
import { runMachine } from "../lab/machine/run_machine.js";
import { machineDocument, machineLines } from "../report/index.js";
import { AskedWrongly } from "./misuse.js";
import { screen } from "./terminal.js";
import { textOf } from "./text_of.js";

export interface MachineFlags {
  readonly seed?: number;
  readonly json?: boolean;
  readonly html?: string;
  readonly perfetto?: string;
  /** Keep the rules of the DMA API under watch; --no-checks turns it off. */
  readonly checks?: boolean;
}

/** @returns 0 when every byte and every rule held, 1 otherwise. Throws Unreadable for a machine that cannot be. */
export async function runDescribed(path: string, flags: MachineFlags): Promise<0 | 1> {
  if (flags.html !== undefined || flags.perfetto !== undefined)
    throw new AskedWrongly("--html and --perfetto draw recordings; for a described machine there is --json");
  const described = describeMachine(path, await textOf(path));
  const outcome = outcomeOf(
    runMachine(described, {
      ...(flags.seed !== undefined && { seed: flags.seed }),
      ...(flags.checks !== undefined && { checks: flags.checks }),
    }),
  );
  const text =
    flags.json === true
      ? JSON.stringify(machineDocument(outcome), null, 2)
      : machineLines(outcome, screen()).join("\n");
  process.stdout.write(`${text}\n`);
  return isTrouble(outcome) ? 1 : 0;
}
