/** `dmalab check`: a protocol in every order of its steps. */
import { didYouMean } from "../../base/nearest.js";
import { planOf } from "../../lab/check/check_protocol.js";
import type { CheckedMachine } from "../../lab/check/checked.js";
import { usualValues, type Values, valuesOf } from "../../lab/check/parameter.js";
import type { Protocol } from "../../lab/check/protocol.js";
import { protocols } from "../../lab/check/protocols/all.js";
import { historicBugs } from "../../lab/scenario/bugs/registry.js";
import {
  type CheckReport,
  checkDocument,
  checkExitCode,
  checkLines,
  checkListDocument,
  checkListLines,
} from "../../report/index.js";
import { AskedWrongly } from "../host/misuse.js";
import { checkForms } from "../options/check.js";
import { checkVerb } from "../options/check_options.js";
import type { Session } from "../session/session.js";

export interface CheckFlags {
  readonly list?: boolean;
  readonly bug?: string;
  readonly universe?: string;
  readonly states?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly seconds?: number;
  readonly json?: boolean;
}

const usualLimits = { states: 5_000_000, memory: 2 ** 31 } as const;

/** @returns the exit code: 0 only where all that was asked is shown to hold */
export async function check(name: string | undefined, flags: CheckFlags, session: Session): Promise<0 | 1> {
  if (flags.list === true) {
    if (name !== undefined) throw new AskedWrongly(`--list lists all protocols; ${name} is not used`);
    checkForms(checkVerb, ["list"], "", flags);
    if (flags.json === true) session.json(checkListDocument(protocols, historicBugs));
    else session.say(checkListLines(protocols, historicBugs, session.screen));
    return 0;
  }
  if (name === undefined)
    throw new AskedWrongly("missing argument: a protocol (dmalab check --list lists them, --help shows what there is)");
  const protocol = protocolOf(name);
  const { bug = null } = flags;
  checkForms(checkVerb, [bug === null ? "protocol" : "bug"], "", flags);
  if (bug !== null) refuseForeign(protocol, bug);
  const values = valuesFor(protocol, flags);
  const plan = planOf(protocol, values ?? {}, { bug, values: flags.universe === undefined ? null : values });
  if (typeof plan === "string") throw new AskedWrongly(`--universe ${flags.universe}: ${plan}`);
  const { states = usualLimits.states, memory = usualLimits.memory, seconds } = flags;
  const limits = { statesMax: states, bytesMax: memory, ...(seconds !== undefined && { secondsMax: seconds }) };
  const machines: CheckedMachine[] = [];
  for (const planned of plan) {
    // How many states there are is known when all were reached.
    const share = (reached: number, waiting: number) => (reached === 0 ? 0 : 1 - waiting / reached);
    const machine = await session.during(`exploring ${planned.name}`, (progress) =>
      planned.check({ limits, progress: (reached, _, waiting) => progress.at(share(reached, waiting)) }),
    );
    machines.push(machine);
  }
  const report: CheckReport = { protocol, bug, values: bug === null ? values : null, machines };
  if (flags.json === true) session.json(checkDocument(report));
  else session.say(checkLines(report, session.screen));
  return checkExitCode(report);
}

function protocolOf(name: string): Protocol {
  const found = protocols.find((p) => p.id === name);
  if (found !== undefined) return found;
  const meant = didYouMean(
    name,
    protocols.map((p) => p.id),
  );
  throw new AskedWrongly(`no protocol ${name}${meant}; dmalab check --list lists them`);
}

/** @returns null where the protocol has no parameters. Throws AskedWrongly for values that are not there. */
function valuesFor({ id, machine }: Protocol, { universe }: CheckFlags): Values | null {
  if (machine === null) {
    if (universe === undefined) return null;
    throw new AskedWrongly(`${id} takes no --universe: it is explored on the machines of its bugs`);
  }
  if (universe === undefined) return usualValues(machine.parameters);
  const values = valuesOf(machine.parameters, universe);
  if (typeof values === "string") throw new AskedWrongly(`--universe ${universe}: ${values}`);
  return values;
}

/** @throws AskedWrongly for a bug that is not this protocol's, with where it is */
function refuseForeign(protocol: Protocol, bug: string): void {
  if (protocol.bugs.includes(bug)) return;
  const other = protocols.find((p) => p.bugs.includes(bug));
  if (other !== undefined)
    throw new AskedWrongly(`${bug} is a bug of ${other.id}: dmalab check ${other.id} --bug ${bug}`);
  const all = protocols.flatMap((p) => p.bugs);
  throw new AskedWrongly(`no bug ${bug}${didYouMean(bug, all)}; dmalab check --list lists them`);
}
