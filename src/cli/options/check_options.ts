/** The options of `dmalab check`. */
import { InvalidArgumentError } from "commander";
import { under, type VerbRow } from "./option.js";
import { everyVerb, size, wholeNumber } from "./values.js";

const forms = {
  protocol: "a protocol",
  bug: "a protocol with a bug (--bug)",
  list: "the list (--list)",
} as const;

const asked = under("What to explore:", ["protocol"]);
const limits = under("Limits; a search that meets one is no proof:", ["protocol", "bug"]);
const output = under("Output:", Object.keys(forms));
const bugIds = async () => (await import("../../lab/check/protocols/all.js")).protocols.flatMap((p) => p.bugs);
const worlds = "it has a machine of its own";

export const checkVerb: VerbRow = {
  name: "check",
  about:
    "Take every step of every actor in every order, on the software and hardware that run: what must hold is shown, or broken by the shortest run.",
  argument: { name: "protocol", about: "what to check; --list lists them" },
  forms,
  options: [
    asked("list", null, "list the protocols, what their machines take, and the bugs", {
      forms: ["list"],
      makes: "list",
    }),
    asked("bug", { shown: "<id>", words: bugIds }, "its machine with this bug on, and without it", {
      forms: ["bug"],
      makes: "bug",
    }),
    asked("universe", { shown: "<k=v,...>" }, "only the machine of these values; others are as usual", {
      not: { bug: worlds },
    }),
    limits("states", { shown: "<n>", parse: wholeNumber(1, 1e9) }, "states of each machine; default 5,000,000"),
    limits("memory", { shown: "<size>", parse: size }, "memory for found states; default 2GiB"),
    limits("seconds", { shown: "<n>", parse: seconds }, "seconds for each machine; default: no limit"),
    ...everyVerb(output, "dmalab.check/1; of --list dmalab.check-list/1"),
  ],
  examples: [
    ["dmalab check --list", "what there is to check"],
    ["dmalab check unmap-flush-free", "all its machines, through every order of steps"],
    ["dmalab check unmap-flush-free --bug lazy-window", "the shortest run that shows a historic bug"],
    ["dmalab check ats-timeout --universe policy=linux-amdvi,device=never", "a policy with a device that is silent"],
    ["dmalab check replace-vtd-pasid --universe from=fs,to=fs,way=same-did,neighbour=old-tag", "may the id be kept?"],
    ["dmalab check unmap-flush-free --json | jq .complete", "is it a proof?"],
  ],
  notes: [
    "A machine is small, and what is shown is shown for it: its actors, its pages, its sizes.",
    "Exit code: 0 shown to hold, 1 broken or not shown (a search met a limit, or what had to happen never did), 2 asked wrongly.",
  ],
};

function seconds(text: string): number {
  const n = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (n > 0 && n <= 1e6) return n;
  throw new InvalidArgumentError("It takes seconds, such as 60 or 0.5.");
}
