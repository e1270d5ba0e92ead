/** `dmalab run MACHINE.yaml`: a described machine with its own drivers, from a seed to its end. */
import { countWords } from "../../base/count_words.js";
import type { Paced } from "../../base/paced.js";
import { isTrouble } from "../../lab/machine/outcome.js";
import type { Snapshot } from "../../lab/machine/run/run_machine.js";
import { machineOutcome } from "../../library/run_machine.js";
import { machineDocument, machineLines } from "../../report/index.js";
import { memoryCore, registersText } from "../../report/machine/memory_image.js";
import { AskedWrongly } from "../host/misuse.js";
import type { Session } from "../session/session.js";

export interface MachineFlags {
  readonly seed?: number;
  readonly json?: boolean;
  /** Keep the rules of the DMA API under watch; --no-checks turns it off. */
  readonly checks?: boolean;
  /** Where memory and registers are to be written, and after how many steps. */
  readonly image?: string;
  readonly imageAt?: number;
}

/** @returns 0 when every byte and every rule held, 1 otherwise. Throws Unreadable for a machine that cannot be. */
export async function runDescribed(name: string, text: string, flags: MachineFlags, session: Session): Promise<0 | 1> {
  const run = <T>(work: Paced<T>) => session.paced(`running ${name}`, work);
  const image = imageOf(flags, session);
  const choice = { ...flags, ...(image !== null && { snapshot: image.snapshot }) };
  const outcome = await machineOutcome({ name, said: text }, choice, { run });
  image?.commit(outcome.steps);
  if (flags.json === true) session.json(machineDocument(outcome));
  else {
    session.say(machineLines(outcome, session.screen));
    session.sayWritten([
      ["memory", flags.image],
      ["registers", image?.registersPath],
    ]);
  }
  return isTrouble(outcome) ? 1 : 0;
}

/** The two files of `--image`, written while the machine stands still. */
function imageOf({ image, imageAt }: MachineFlags, session: Session) {
  if (image === undefined) return null;
  if (image === "-") throw new AskedWrongly("--image writes two files, so it takes a name and no -");
  const registersPath = `${image.replace(/\.[^./]*$/, "")}.registers.json`;
  const core = session.output("--image", image);
  const beside = session.output("--image", registersPath);
  let isTaken = false;
  const snapshot: Snapshot = {
    after: imageAt ?? null,
    take({ memory, arch, registers: { kind, base, words } }) {
      for (const piece of memoryCore(memory, arch)) core.write(piece);
      beside.write(registersText(kind, base, words));
      isTaken = true;
    },
  };
  const commit = (steps: number) => {
    if (!isTaken) throw new AskedWrongly(`--image-at ${imageAt}: the run has ended after ${countWords(steps)} steps`);
    core.commit();
    beside.commit();
  };
  return { snapshot, commit, registersPath };
}
