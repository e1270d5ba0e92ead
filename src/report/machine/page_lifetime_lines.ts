/** Pages that a guest of Xen gave back while its devices worked, and those that a device reached all the same, for a terminal. */
import { countWords, plural } from "../../base/count_words.js";
import { frameBytes } from "../../base/frame.js";
import type { MachineOutcome, PageLifetimeOutcome, ReachedPageOutcome } from "../../lab/machine/outcome.js";
import { wrap } from "../text/layout.js";
import type { Style } from "../text/style.js";
import { hexWords } from "../words/quantity.js";

const reachedShown = 4;

export function pageLifetimeLines({ xen }: MachineOutcome, style: Style, width: number): string[] {
  const pages = xen?.pageLifetime ?? null;
  if (pages === null || pages.givenBack === 0) return [];
  const more = pages.strayed - Math.min(pages.first.length, reachedShown);
  const said = [flushWords(pages), giveUpWords(pages), parkedWords(pages)].filter((line) => line !== null);
  return [
    style.bold(`Pages that devices may still reach: ${pages.policy} (${pages.words})`),
    ...said.flatMap((line) => wrap(line, width, "  ", "    ")),
    ...brokenWords(pages).flatMap((line) => wrap(line, width, "  ", "    ").map((l) => style.red(l))),
    ...pages.first
      .slice(0, reachedShown)
      .flatMap((p) => wrap(reachedWords(p), width, "  ", "    ").map((line) => style.red(line))),
    ...(more > 0 && pages.strayed > 0 ? [style.red(`  and ${plural(more, "access", "accesses")} more`)] : []),
  ];
}

function flushWords({ givenBack, mostSteps }: PageLifetimeOutcome): string {
  const until = mostSteps === 0 ? "" : `; its flush was done after ${plural(mostSteps, "step")} at most`;
  return `${plural(givenBack, "page")} given back${until}`;
}

function giveUpWords({ giveUps }: PageLifetimeOutcome): string | null {
  if (giveUps === 0) return null;
  return `the unit gave a device up that did not answer, ${giveUps === 1 ? "once" : `${countWords(giveUps)} times`}`;
}

function brokenWords({ freeWhileOwed, freeUnfenced }: PageLifetimeOutcome): string[] {
  const were = (n: number) => `${plural(n, "page")} ${n === 1 ? "was" : "were"} free`;
  return [
    ...(freeWhileOwed > 0
      ? [`${were(freeWhileOwed)} while a flush was owed (I3), whether or not a device reached any`]
      : []),
    ...(freeUnfenced > 0 ? [`${were(freeUnfenced)} although a device had not answered and was not blocked (I8)`] : []),
  ];
}

function parkedWords({ parked }: PageLifetimeOutcome): string | null {
  if (parked === 0) return null;
  return (
    `${plural(parked, "access", "accesses")} of devices to pages that waited for their flush: nobody else had them, ` +
    "and the guest, which has another page there or none, sees nothing of it"
  );
}

function reachedWords(p: ReachedPageOutcome): string {
  const verb = p.write ? "wrote to" : "read";
  const whose = owners[p.owner] ?? `domain ${p.owner}'s`;
  const at = `${p.device} ${verb} the page at ${hexWords(p.frame * frameBytes)} at step ${countWords(p.step)}, which was ${whose}`;
  return `${at}: ${led[p.by]}; ${leftWords(p)}`;
}

const owners: Readonly<Record<number, string>> = { [-1]: "nobody's", [-2]: "the hypervisor's" };

const led: Readonly<Record<ReachedPageOutcome["by"], string>> = {
  "device TLB": "the device's own TLB led there",
  IOTLB: "the unit's IOTLB led there",
  tables: "the tables led there",
};

function leftWords({ page, unmapped, freed, flushed, gaveUp, step }: ReachedPageOutcome): string {
  const was = `until step ${countWords(unmapped)} it had been the guest's, at ${hexWords(page * frameBytes)}`;
  const free = freed === null ? "" : `, and it was free from step ${countWords(freed)} on`;
  if (gaveUp) return `${was}${free}, although the device had not answered`;
  if (flushed === null || flushed >= step) return `${was}${free}, before its flush was done`;
  return `${was}${free}; the device had answered by step ${countWords(flushed)} that it had forgotten`;
}
