/** The bus and the IOMMU as a timeline sees them: what devices read and write, what a unit was asked and told. */
import { plural } from "../../../base/count_words.js";
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import type { DmaOutcome, DmaPort } from "../../../bus/dma_port.js";
import { AddressType, type DmaRequest, Outcome, type Resolution } from "../../../hw/iommu/core/request.js";
import type { TraceStep } from "../../../table/index.js";
import type { IommuWatch } from "../platform/driven_unit.js";
import type { ApiWatch } from "./api_watch.js";
import type { EntrySeen, Timeline } from "./timeline.js";

export interface BusWatchOptions {
  readonly timeline: Timeline;
  readonly api: ApiWatch;
  /** The name of who has a requester id. */
  readonly nameOf: (requester: number) => string;
}

export class BusWatch implements IommuWatch {
  readonly #o: BusWatchOptions;
  /** The access that is under way: its DMA. */
  #dma = -1;

  constructor(o: BusWatchOptions) {
    this.#o = o;
  }

  port(inner: DmaPort): DmaPort {
    return {
      read: (requester, address, into) =>
        this.#accesses({ requester, address, count: into.length, verb: "read" }, () =>
          inner.read(requester, address, into),
        ),
      write: (requester, address, from) =>
        this.#accesses({ requester, address, count: from.length, verb: "write" }, () =>
          inner.write(requester, address, from),
        ),
    };
  }

  posted(command: Uint32Array, title: string): void {
    const { timeline, api } = this.#o;
    const words = [...command].map((w) => w.toString(16).padStart(8, "0")).join(" ");
    timeline.add({ lane: "queue", device: null, dma: api.current, what: `${title} (${words})` });
  }

  resolved(r: DmaRequest, o: Resolution, steps: readonly TraceStep[]): void {
    const { timeline, nameOf } = this.#o;
    const at = hex(r.frame * frameBytes + r.offset);
    timeline.add({
      ...{ lane: "unit", device: nameOf(r.requester), dma: this.#dma },
      what: `${asked(r)} ${at}: ${answer(r, o)}`,
      entries: o.fromCache ? [] : steps.map(entryOf),
      isTrouble: o.outcome === Outcome.refused,
    });
  }

  #accesses(
    o: {
      readonly requester: number;
      readonly address: number;
      readonly count: number;
      readonly verb: "read" | "write";
    },
    does: () => DmaOutcome,
  ): DmaOutcome {
    const { timeline, api, nameOf } = this.#o;
    const device = nameOf(o.requester);
    this.#dma = api.at(device, o.address);
    const dma = this.#dma;
    const outcome = does();
    this.#dma = -1;
    const isTrouble = outcome !== "done";
    const what = `${o.verb} ${plural(o.count, "byte")} at ${hex(o.address)}${isTrouble ? `: ${refusals[outcome]}` : ""}`;
    timeline.add({ lane: "device", device, dma, what, isTrouble });
    return outcome;
  }
}

const refusals: Readonly<Record<Exclude<DmaOutcome, "done">, string>> = {
  fault: "refused on the way",
  outside: "nothing answers there",
};

const asked = ({ type, write }: DmaRequest): string => {
  if (type === AddressType.translationRequest) return "translation asked for";
  const verb = write ? "write" : "read";
  return type === AddressType.translated ? `${verb}, translated by the device's own TLB,` : verb;
};

const rights = ["nothing", "to read", "to write", "to read and write"];

function answer({ type }: DmaRequest, { outcome, frame, allow, code, fromCache }: Resolution): string {
  if (outcome === Outcome.refused) return `refused, reason ${hex(code)}`;
  if (outcome === Outcome.message) return "an interrupt message";
  if (outcome !== Outcome.passes) return "refused without a record";
  if (type === AddressType.translated) return "passes as it is";
  if (type === AddressType.translationRequest && allow === 0) return "there is none to keep";
  const by = fromCache ? "from the IOTLB" : "by its tables";
  return `page ${hex(frame * frameBytes)} ${by}, ${rights[allow & 3]}`;
}

const entryOf = ({ at, words, name, meaning }: TraceStep): EntrySeen => ({
  ...{ at, low: words[0] ?? 0, high: words[1] ?? 0, name, meaning },
});
