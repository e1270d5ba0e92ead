/** A described machine's run as one HTML file: lanes of who did what, and each DMA to be opened. */
import { plural } from "../../../base/count_words.js";
import type { MachineOutcome } from "../../../lab/machine/outcome.js";
import { lanes, type Timeline } from "../../../lab/machine/timeline/timeline.js";
import { oneFile, type Page, type PageText } from "../../page/one_file.js";
import { machineLines } from "../machine_lines.js";
import { machineVerdict } from "../machine_verdict.js";

/** Addresses are hexadecimal text: the page computes nothing with them. */
export interface MachinePageEntry {
  readonly at: string;
  readonly words: string;
  readonly name: string;
  readonly meaning: string;
}

export interface MachinePageEvent {
  readonly step: number;
  /** Indices into `lanes` and `devices`; -1: of none. */
  readonly lane: number;
  readonly device: number;
  readonly dma: number;
  readonly what: string;
  /** Left out where none was read. */
  readonly entries?: readonly MachinePageEntry[];
  readonly trouble?: true;
}

export interface MachinePageDma {
  readonly device: number;
  readonly kind: string;
  readonly direction: string;
  readonly phys: string;
  readonly bus: string;
  readonly size: number;
  readonly cause: string;
  /** Indices into the events. */
  readonly begin: number;
  readonly end: number | null;
}

export interface MachinePageData {
  readonly name: string;
  readonly verdict: {
    readonly tone: "fine" | "trouble" | "unknown";
    readonly headline: string;
    readonly held: string | null;
  };
  /** The report as the terminal has it. */
  readonly report: string;
  readonly lanes: readonly string[];
  readonly devices: readonly { readonly name: string; readonly driver: string | null }[];
  readonly events: readonly MachinePageEvent[];
  readonly dmas: readonly MachinePageDma[];
  readonly leftOut: number;
  readonly steps: number;
}

export const machineHtml = (name: string, o: MachineOutcome, timeline: Timeline, page: Page): string =>
  oneFile(page, machinePage(name, o, timeline));

/** What the page shows. */
export function machinePage(name: string, o: MachineOutcome, timeline: Timeline): PageText {
  return {
    title: `${name} – dmalab`,
    noscript: "This report draws its lanes with a script; the same facts as text come from dmalab run.",
    data: machinePageData(name, o, timeline),
  };
}

const hex = (n: number): string => `0x${n.toString(16)}`;
const digits = (n: number): string => n.toString(16).padStart(8, "0");

export function machinePageData(name: string, o: MachineOutcome, timeline: Timeline): MachinePageData {
  const devices = o.devices.map((d) => ({ name: d.bdf, driver: d.driver }));
  const deviceOf = (bdf: string | null) => devices.findIndex((d) => d.name === bdf);
  return {
    name,
    verdict: machineVerdict(o),
    report: machineLines(o, { color: false, width: 100 }).join("\n"),
    lanes,
    devices,
    events: timeline.events.map((e) => ({
      ...{ step: e.step, lane: lanes.indexOf(e.lane), device: deviceOf(e.device), dma: e.dma, what: e.what },
      ...(e.entries.length > 0 && {
        entries: e.entries.map(({ at, low, high, name: of, meaning }) => {
          return { at: hex(at), words: `${digits(high)} ${digits(low)}`, name: of, meaning };
        }),
      }),
      ...(e.isTrouble && { trouble: true as const }),
    })),
    dmas: timeline.dmas.map(({ device, phys, bus, ...d }) => {
      return { ...d, device: deviceOf(device), phys: hex(phys), bus: hex(bus) };
    }),
    leftOut: timeline.leftOut,
    steps: o.steps,
  };
}

/** What there is to say of events that are not shown. */
export const leftOutWords = ({ events, leftOut }: Timeline): string | null =>
  leftOut === 0
    ? null
    : `the first ${plural(events.length, "event")} are shown, ${plural(leftOut, "later one")} left out`;
