/** Fault lines into faults: one algorithm over the families' tables. */
import { amdvi } from "./amdvi.js";
import type { FaultDraft, FaultFamily, FaultUnit, LogFault, Said } from "./fault.js";
import { dart, onChip, virtioIommu } from "./others.js";
import { smmuv2 } from "./smmuv2.js";
import { smmuv3 } from "./smmuv3.js";
import { vtd } from "./vtd.js";

const families: readonly FaultFamily[] = [vtd, amdvi, smmuv3, smmuv2, virtioIommu, dart, onChip];

/** What each line that begins a fault contains. */
const mark = new RegExp(families.map((f) => f.mark.source).join("|"));

/** Patterns as one search for any of them; flags differ in few. */
function anyOf(patterns: readonly RegExp[]): RegExp[] {
  const flags = [...new Set(patterns.map((p) => p.flags))];
  return flags.map((f) => new RegExp(patterns.flatMap((p) => (p.flags === f ? [p.source] : [])).join("|"), f));
}

/** What each line that goes on with a fault of a family matches. */
const further: ReadonlyMap<FaultFamily, readonly RegExp[]> = new Map(
  families.map((f) => [f, anyOf(f.goesOn.map(([pattern]) => pattern))]),
);

/** Lines of others between two lines of one fault: another CPU prints, too. */
const betweenMax = 8;

/** Fed with the lines of a log in order; holds at most one fault. `At` is whatever the caller knows a line by. */
export class FaultLines<At> {
  readonly #done: (fault: LogFault, at: At) => void;
  #open: { readonly draft: FaultDraft; readonly family: FaultFamily; readonly at: At; between: number } | null = null;

  /** @param done called once for each fault, with the line that it began in. */
  constructor(done: (fault: LogFault, at: At) => void) {
    this.#done = done;
  }

  /**
   * @param message what the kernel wrote, without clock and host as far as the caller could tell.
   * @param time microseconds since boot.
   * @returns true when the line is part of a fault.
   */
  read(message: string, time: number | null, at: At): boolean {
    const open = this.#open;
    if (open !== null && open.family.isNext?.(message, open.draft) !== true && mayGoOn(open.family, message)) {
      for (const [pattern, goOn] of open.family.goesOn) {
        const m = pattern.exec(message);
        if (m !== null && goOn(m, open.draft)) {
          open.between = 0;
          return true;
        }
      }
    }
    if (mark.test(message) && this.#begin(message, time, at)) return true;
    if (open !== null && ++open.between > betweenMax) this.end();
    return false;
  }

  /** The log is over, or something else begins: a fault that lacks lines is complete with those that it has. */
  end(): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    open.family.finish?.(open.draft);
    this.#done(open.draft, open.at);
  }

  #begin(message: string, time: number | null, at: At): boolean {
    for (const family of families) {
      if (!family.mark.test(message)) continue;
      for (const [pattern, begin] of family.begins) {
        const m = pattern.exec(message);
        const said = m === null ? null : begin(m);
        if (said === null) continue;
        this.end();
        this.#open = { draft: draftOf(family.unit, said, message, time), family, at, between: 0 };
        return true;
      }
    }
    return false;
  }
}

function mayGoOn(family: FaultFamily, message: string): boolean {
  for (const pattern of further.get(family)!) if (pattern.test(message)) return true;
  return false;
}

/** Units that dev_err names in front of the message, wherever that stands. */
const unitName = /\b(?:arm-smmu(?:-v3)?|rk_iommu|ipmmu-vmsa|omap-iommu|sun50i-iommu) ([\w.@:-]{1,60}): /;

/** Spelled out: this is run for each fault of a storm. */
function draftOf(unit: FaultUnit, said: Said, message: string, time: number | null): FaultDraft {
  return {
    unit,
    topic: said.topic,
    says: said.says,
    xen: said.xen === true || message.includes("(XEN)") || message.includes("[VT-D]"),
    time,
    driver: said.driver ?? null,
    device: said.device ?? null,
    by: said.by ?? (unit === "vtd" || unit === "amdvi" ? null : (unitName.exec(message)?.[1] ?? null)),
    stream: said.stream ?? null,
    pasid: said.pasid ?? null,
    write: said.write ?? null,
    interrupt: said.interrupt ?? false,
    address: said.address ?? null,
    code: said.code ?? null,
    flags: said.flags ?? null,
    values: said.values?.slice() ?? [],
  };
}

/**
 * The refused accesses that a few lines tell of, in order: device, address, direction and time of each.
 *
 * @param messages lines without clock and host, as `splitLogLine` gives them, and their time.
 */
export function iommuFaultsOf(
  messages: Iterable<{ readonly message: string; readonly time: number | null }>,
): LogFault[] {
  const faults: LogFault[] = [];
  const lines = new FaultLines<null>((fault) => {
    if (fault.topic === "access") faults.push(fault);
  });
  for (const { message, time } of messages) lines.read(message, time, null);
  lines.end();
  return faults;
}
