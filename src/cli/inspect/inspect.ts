/** `dmalab inspect`: which device reaches which memory, from an image or a live guest. */
import { isAsked, parseAddress, parseDevice, parseDeviceAddress } from "../../audit/inspect/device_name.js";
import { differenceOf } from "../../audit/inspect/difference/difference.js";
import type { Inspection } from "../../audit/inspect/facts/inspection.js";
import type { Inspected } from "../../audit/inspect/image/inspect_image.js";
import { askedSender } from "../../audit/inspect/pci/senders.js";
import { holdsFrame } from "../../audit/inspect/places/outside.js";
import { isInterruptAddress, walkAnswer } from "../../audit/inspect/walk/walk_device.js";
import type { Image } from "../../read/image/image.js";
import { inspectJson } from "../../report/inspect/inspect_json.js";
import { inspectLines } from "../../report/inspect/inspect_lines.js";
import { exitCodeOf, type InspectReport, type WhoAnswer } from "../../report/inspect/inspect_report.js";
import { builtPage } from "../files/built_page.js";
import { AskedWrongly } from "../host/misuse.js";
import { checkForms } from "../options/check.js";
import { inspectVerb } from "../options/inspect_options.js";
import type { Session } from "../session/session.js";
import { type ImageFlags, inspectFile, inspectLive } from "./inspect_source.js";

export interface InspectFlags extends ImageFlags {
  readonly device?: string;
  readonly who?: string;
  readonly at?: string;
  readonly diff?: string;
  readonly diffRegisters?: string;
  readonly qmp?: string;
  readonly ram?: string;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly html?: string;
  /** Of the walk that `at` asks for. */
  readonly svg?: string;
  readonly dot?: string;
}

/** @returns the exit code. Throws Unreadable, Misuse or AskedWrongly, each one line. */
export async function inspect(path: string | undefined, flags: InspectFlags, session: Session): Promise<0 | 1> {
  const asked = {
    device: flags.device === undefined ? null : parseDevice(flags.device),
    who: flags.who === undefined ? null : oneAddress("--who", flags.who),
    at: flags.at === undefined ? null : parseDeviceAddress(flags.at),
  };
  const live = flags.qmp !== undefined;
  if (live === (path !== undefined)) {
    throw new AskedWrongly(
      live
        ? "an image or a live guest, not both"
        : "what is to be inspected? Give an image, or --qmp SOCKET --ram FILE",
    );
  }
  if (live) checkForms(inspectVerb, ["live"], "", flags);
  const output = (name: "html" | "svg" | "dot") => {
    const file = flags[name];
    return file === undefined ? null : session.output(`--${name}`, file);
  };
  const [html, svg, dot] = [output("html"), output("svg"), output("dot")];
  // What writes files is loaded where one is asked for.
  const page = html === null ? null : await htmlWriter();
  const look = (inspected: Inspected): InspectReport => {
    const { inspection } = inspected;
    const { who } = asked;
    const senders = { bus: inspected.bus, aliases: inspected.coverage?.acpi.aliases ?? [] };
    const device = asked.device === null ? null : askedSender(asked.device, senders);
    const at = asked.at === null ? null : askedSender(asked.at, senders);
    const all = [...inspection.devices.keys()];
    const shown = device === null ? all : all.filter((i) => isAsked(inspection.devices[i]!, device));
    const segment = at?.segment ?? null;
    if (segment !== null && !servesSegment(inspected, segment)) {
      throw new AskedWrongly(`--at ${flags.at}: no unit serves segment ${segment.toString(16).padStart(4, "0")}`);
    }
    if (device !== null && shown.length === 0) {
      throw new AskedWrongly(`--device ${flags.device}: no unit has an entry for it`);
    }
    const report: InspectReport = {
      inspection,
      shown,
      everyMapping: device !== null,
      strict: flags.strict === true,
      who: who === null ? null : whoAnswer(inspected, who),
      walk: at === null ? null : walkAnswer(inspected, at),
      diff: null,
    };
    // The page carries tables, and those can be read only while the image is open.
    if (page !== null) html?.write(page(report, inspected.image));
    html?.commit();
    return report;
  };
  const here = live
    ? await inspectLive({ socket: flags.qmp!, ram: flags.ram! }, flags, look, session)
    : await inspectFile(path!, flags, look, session);
  const report =
    flags.diff === undefined ? here : { ...here, diff: await differenceTo(here, flags.diff, flags, session) };
  if (report.walk !== null) {
    svg?.write((await import("../../report/inspect/svg.js")).walkSvg(report.walk));
    svg?.commit();
    dot?.write((await import("../../report/inspect/dot.js")).walkDot(report.walk));
    dot?.commit();
  }
  if (flags.json === true) session.print(inspectJson(report));
  else {
    session.say(inspectLines(report, session.screen));
    session.sayWritten([
      ["report", flags.html],
      ["walk as SVG", flags.svg],
      ["walk as DOT", flags.dot],
    ]);
  }
  return exitCodeOf(report);
}

/** @returns what makes a page of a report, while its image is open. */
async function htmlWriter(): Promise<(report: InspectReport, image: Image) => string> {
  const { inspectHtml } = await import("../../report/inspect/html.js");
  const page = await builtPage("inspect");
  return (report, image) => inspectHtml(report, page, image);
}

/** A unit of the firmware may serve several. */
function servesSegment({ inspection, coverage }: Inspected, segment: number): boolean {
  const listed = (coverage?.acpi.units ?? []).flatMap((u) => [u.segment, ...u.scopes.map((s) => s.segment)]);
  return [...inspection.units, ...inspection.devices].some((u) => u.segment === segment) || listed.includes(segment);
}

/** @throws AskedWrongly for a range, with where all of one is told */
function oneAddress(option: string, text: string): bigint {
  if (/^[0-9a-fx]+\s*(-|,|\.\.|\+|:)\s*[0-9a-fx]+$/i.test(text.trim())) {
    throw new AskedWrongly(
      `${option} ${text}: one address at a time; --json lists every mapping with the memory behind it, --html draws it`,
    );
  }
  return parseAddress(text);
}

function whoAnswer({ inspection, index }: Inspected, address: bigint): WhoAnswer {
  if (address >= 2n ** 52n) throw new AskedWrongly("--who takes a physical address, which has at most 52 bits");
  const paddr = Number(address);
  return {
    paddr,
    held: holdsFrame(inspection.source.runs ?? [], Math.floor(paddr / 4096)),
    place: inspection.places?.find((p) => p.from <= paddr && paddr < p.to)?.what ?? null,
    isInterrupt: inspection.units.some((u) => isInterruptAddress(u.kind, address)),
    hits: index.at(paddr),
  };
}

/** What the other image has come to, seen from this one. */
async function differenceTo(
  here: InspectReport,
  file: string,
  flags: InspectFlags,
  session: Session,
): Promise<InspectReport["diff"]> {
  const { registers: _, pci: __, qmp: ___, ram: ____, ...rest } = flags;
  const other = { ...rest, ...(flags.diffRegisters === undefined ? {} : { registers: flags.diffRegisters }) };
  const asked = flags.device === undefined ? null : parseDevice(flags.device);
  const shown = (inspection: Inspection) =>
    [...inspection.devices.keys()].filter((i) => asked === null || isAsked(inspection.devices[i]!, asked));
  const only = (inspection: Inspection) => ({
    ...inspection,
    devices: shown(inspection).map((i) => inspection.devices[i]!),
  });
  const compare = ({ inspection }: Inspected) => ({
    file,
    difference: differenceOf(only(here.inspection), only(inspection)),
    other: { ...here, inspection, shown: shown(inspection), everyMapping: false, who: null, walk: null, diff: null },
  });
  return inspectFile(file, other, compare, session);
}
