/** `runMachine`: a described machine, from a seed to its end. */
import { describeMachine } from "../lab/machine/description/description.js";
import { type MachineOutcome, outcomeOf } from "../lab/machine/outcome.js";
import { type RunOptions, runningMachine } from "../lab/machine/run/run_machine.js";
import { machineDocument, type RunDocument } from "../report/index.js";
import { isInput, type TextInput, textOf } from "./input.js";
import type { MachineDescription } from "./machine_description.js";
import { Work } from "./work.js";
import { checkNames, flag, type WorkOptions, wholeNumber, workNames } from "./work_options.js";

/** What `runMachine` takes besides the description. */
export interface RunMachineOptions extends WorkOptions {
  /** Another seed than the description's: another order of the work. A whole number below 2^32. */
  readonly seed?: number;
  /** Watch the rules of the DMA API. Default: yes. */
  readonly checks?: boolean;
  /** Atomic steps after which the run is cut; the document then says that it is not complete. */
  readonly stepMax?: number;
}

/**
 * Run a machine that is described: its hypervisor, guests, drivers and devices, every byte of which is real and is
 * compared.
 *
 * @param description YAML as text or bytes, or an object; `machineJsonSchema` of `dmalab/machine` is its schema
 * @returns what `dmalab run MACHINE.yaml --json` prints
 * @throws Unreadable for an empty text, and for a machine that cannot be: a line for each mistake, with where it is; BadOption; the signal's
 *   reason.
 */
export async function runMachine(
  description: TextInput | MachineDescription,
  options: RunMachineOptions = {},
): Promise<RunDocument> {
  const { name = "machine" } = checkNames(options, [...workNames, "seed", "checks", "stepMax"]);
  const work = new Work(options);
  work.part(1);
  const said = isInput(description) ? await textOf("description", description, name, work) : description;
  const outcome = await machineOutcome({ name, said }, options, work);
  work.end();
  return machineDocument(outcome);
}

/** What a run is: the options without those of its work. */
export type RunChoice = Pick<RunMachineOptions, "seed" | "checks" | "stepMax">;

/** The same before it is a document. */
export async function machineOutcome(
  { name, said }: { readonly name: string; readonly said: string | object },
  { seed, checks, stepMax, snapshot, timeline }: RunChoice & Pick<RunOptions, "snapshot" | "timeline">,
  work: Pick<Work, "run">,
): Promise<MachineOutcome> {
  const described = describeMachine(name, said);
  const choice = {
    ...(seed !== undefined && { seed: wholeNumber("seed", seed, 0, 2 ** 32 - 1) }),
    ...(checks !== undefined && { checks: flag("checks", checks, true) }),
    ...(stepMax !== undefined && { stepMax: wholeNumber("stepMax", stepMax, 1, Number.MAX_SAFE_INTEGER) }),
    ...(snapshot !== undefined && { snapshot }),
    ...(timeline !== undefined && { timeline }),
  };
  return outcomeOf(await work.run(runningMachine(described, choice)));
}
