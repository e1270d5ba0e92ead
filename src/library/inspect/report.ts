/** What is asked of an inspection, made into a report of it. */
import { type AskedDevice, isAsked, parseDevice, parseDeviceAddress } from "../../audit/inspect/device_name.js";
import { differenceOf } from "../../audit/inspect/difference/difference.js";
import type { Inspection } from "../../audit/inspect/facts/inspection.js";
import type { Inspected } from "../../audit/inspect/image/inspect_image.js";
import { askedSender } from "../../audit/inspect/pci/senders.js";
import { holdsFrame } from "../../audit/inspect/places/outside.js";
import { isInterruptAddress, walkAnswer } from "../../audit/inspect/walk/walk_device.js";
import type { InspectReport, WhoAnswer } from "../../report/inspect/inspect_report.js";
import { BadOption } from "../work_options.js";

/** What one asks, in words of the command line. */
export interface InspectQuestion {
  /** One device: `00:03.0`. */
  readonly device?: string;
  /** Who reaches this physical address? */
  readonly who?: number;
  /** Where does this address of a device lead? `00:03.0:0xfffc0000`. */
  readonly at?: string;
  /** What is not shown to be safe is trouble. */
  readonly strict?: boolean;
}

/** Who asks says what becomes of a refusal: the library names the option, the command tells it as it is. */
type Within = <T>(option: string, given: unknown, ask: () => T) => T;
const asItIs: Within = (_option, _given, ask) => ask();

/** @throws Misuse `device` or `address` for what names none, before any work is done. */
export function checkQuestion({ device, at }: InspectQuestion, within = asItIs): void {
  if (device !== undefined) within("device", device, () => parseDevice(device));
  if (at !== undefined) within("at", at, () => parseDeviceAddress(at));
}

/**
 * @throws BadOption for a device or a segment that the image knows nothing of; Misuse `device` where several may be the
 *   one, or no unit is behind it.
 */
export function reportOf(inspected: Inspected, asked: InspectQuestion, within = asItIs): InspectReport {
  const { inspection } = inspected;
  const senders = { bus: inspected.bus, aliases: inspected.coverage?.acpi.aliases ?? [] };
  const sender = <T extends AskedDevice>(option: "device" | "at", parse: (text: string) => T): T | null => {
    const text = asked[option];
    return text === undefined ? null : within(option, text, () => askedSender(parse(text), senders));
  };
  const device = sender("device", parseDevice);
  const at = sender("at", parseDeviceAddress);
  const all = [...inspection.devices.keys()];
  const shown = device === null ? all : all.filter((i) => isAsked(inspection.devices[i]!, device));
  const segment = at?.segment ?? null;
  if (segment !== null && !servesSegment(inspected, segment)) {
    throw new BadOption("at", asked.at, `no unit serves segment ${segment.toString(16).padStart(4, "0")}`);
  }
  if (device !== null && shown.length === 0) throw new BadOption("device", asked.device, "no unit has an entry for it");
  return {
    inspection,
    shown,
    everyMapping: device !== null,
    strict: asked.strict === true,
    who: asked.who === undefined ? null : whoAnswer(inspected, asked.who),
    walk: at === null ? null : within("at", asked.at, () => walkAnswer(inspected, at)),
    diff: null,
  };
}

/** A unit of the firmware may serve several. */
function servesSegment({ inspection, coverage }: Inspected, segment: number): boolean {
  const listed = (coverage?.acpi.units ?? []).flatMap((u) => [u.segment, ...u.scopes.map((s) => s.segment)]);
  return [...inspection.units, ...inspection.devices].some((u) => u.segment === segment) || listed.includes(segment);
}

function whoAnswer({ inspection, index }: Inspected, paddr: number): WhoAnswer {
  return {
    paddr,
    held: holdsFrame(inspection.source.runs ?? [], Math.floor(paddr / 4096)),
    place: inspection.places?.find((p) => p.from <= paddr && paddr < p.to)?.what ?? null,
    isInterrupt: inspection.units.some((u) => isInterruptAddress(u.kind, BigInt(paddr))),
    hits: index.at(paddr),
  };
}

/**
 * What another image has come to, seen from this one.
 * @param file what the other is called
 * @param device the one that is asked for
 */
export function differenceFrom(
  here: InspectReport,
  { inspection }: Inspected,
  file: string,
  device: string | undefined,
): NonNullable<InspectReport["diff"]> {
  const asked = device === undefined ? null : parseDevice(device);
  const shown = (of: Inspection) =>
    [...of.devices.keys()].filter((i) => asked === null || isAsked(of.devices[i]!, asked));
  const only = (of: Inspection) => ({ ...of, devices: shown(of).map((i) => of.devices[i]!) });
  return {
    file,
    difference: differenceOf(only(here.inspection), only(inspection)),
    other: { ...here, inspection, shown: shown(inspection), everyMapping: false, who: null, walk: null, diff: null },
  };
}
