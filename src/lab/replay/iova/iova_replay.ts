/** Whether a recording's IOVAs can be compared with the kernel's own allocator, and the comparison. */
import { type EventBatch, EventKind } from "../../../read/event.js";
import type { FirstReading } from "../machine/first_reading.js";
import { isArm64, type LogFacts } from "../machine/log_facts.js";
import type { IovaMachine } from "./iova_domains.js";
import { IovaEvents } from "./iova_events.js";
import { IovaModel, type IovaOutcome } from "./iova_model.js";

/** Doorbells of interrupts: never an address of memory. Source: drivers/iommu/intel/iommu.c, amd/iommu.c, get_resv_regions. */
const doorbells = [0xfee0_0000, 0xfeef_ffff] as const;

/** Of a strict machine more than this share of addresses is right; of a lazy one taken for strict, hardly a half. */
const strictShare = 0.9;

export class IovaReplay {
  readonly #model: IovaModel;
  readonly #events: IovaEvents;
  readonly #mayBeLazy: boolean;

  /**
   * @param mayBeLazy the policy is lazy and no flush is recorded: a unit may be strict all the same (AMD-Vi under a hypervisor
   * was seen to be), and what the addresses show decides
   */
  constructor(machine: IovaMachine, name: (device: number) => string, mayBeLazy: boolean) {
    this.#mayBeLazy = mayBeLazy;
    this.#model = new IovaModel(machine, name);
    this.#events = new IovaEvents(this.#model);
  }

  feed(batch: EventBatch): void {
    this.#events.feed(batch);
  }

  finish(): IovaOutcome {
    this.#events.finish();
    const outcome = this.#model.finish();
    const fits = outcome.equal >= strictShare * outcome.compared;
    if (!this.#mayBeLazy || fits) return outcome;
    return notCompared("addresses are given again only after flushes, which are not recorded");
  }
}

const none = { compared: 0, equal: 0 };
const notCompared = (note: string): IovaOutcome => ({
  ...{
    ...none,
    of: { single: none, list: none, coherent: none },
    older: 0,
    unnamed: { count: 0, found: 0 },
    mismatches: [],
    note,
  },
});

/** @returns what replays them, why they cannot be compared, or null where there are none */
export function iovaReplay(
  firstReading: FirstReading,
  log: LogFacts | null,
  kernel: string | null,
  isXen: boolean,
  name: (device: number) => string,
): IovaReplay | IovaOutcome | null {
  const { kinds, shows } = firstReading;
  const mapped = kinds[EventKind.iommuMap]!;
  if (isXen || shows !== "mappings" || mapped + kinds[EventKind.iommuUnmap]! === 0) return null;
  if (mapped === 0)
    return notCompared("no iommu:map is recorded: it was not turned on, or this kernel does not write it");
  if (log?.hostWindows === undefined || log.kernel === null) {
    return notCompared("where no address may be given is told by the machine's log alone");
  }
  const isLazy = log.iommuPolicy === "lazy" && kinds[EventKind.cacheFlushed]! > 0;
  const groups = log.iommuGroups;
  const windows = log.hostWindows.map(({ from, to }) => [from, to - 1] as const);
  const machine: IovaMachine = {
    reserved: isArm64(log, kernel) ? windows : [...windows, doorbells],
    groupOf: (device) => groups?.get(device)?.toString() ?? device,
    isLazy,
  };
  return new IovaReplay(machine, name, log.iommuPolicy === "lazy" && !isLazy);
}
