/** `dmalab inspect`: which device reaches which memory, from an image or a live guest. */
import { parseAddress } from "../../audit/inspect/device_name.js";
import type { Inspected } from "../../audit/inspect/image/inspect_image.js";
import { checkQuestion, differenceFrom, type InspectQuestion, reportOf } from "../../library/inspect/report.js";
import { BadOption } from "../../library/work_options.js";
import type { Image } from "../../read/image/image.js";
import { inspectJson } from "../../report/inspect/inspect_json.js";
import { inspectLines } from "../../report/inspect/inspect_lines.js";
import { exitCodeOf, type InspectReport } from "../../report/inspect/inspect_report.js";
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
  const { device, who, at } = flags;
  const asked: InspectQuestion = {
    ...(device !== undefined && { device }),
    ...(who !== undefined && { who: oneAddress("--who", who) }),
    ...(at !== undefined && { at }),
  };
  checkQuestion(asked);
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
    const report = withOptions(() => reportOf(inspected, { ...asked, strict: flags.strict === true }));
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

/** @throws AskedWrongly for a range, with where all of one is told */
function oneAddress(option: string, text: string): number {
  if (/^[0-9a-fx]+\s*(-|,|\.\.|\+|:)\s*[0-9a-fx]+$/i.test(text.trim())) {
    throw new AskedWrongly(
      `${option} ${text}: one address at a time; --json lists every mapping with the memory behind it, --html draws it`,
    );
  }
  const address = parseAddress(text);
  if (address >= 2n ** 52n) throw new AskedWrongly("--who takes a physical address, which has at most 52 bits");
  return Number(address);
}

/** What was asked for wrongly, by the name of its option. */
function withOptions<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof BadOption)) throw error;
    throw new AskedWrongly(`--${error.option} ${error.given}: ${error.problem}`);
  }
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
  const compare = (inspected: Inspected) => differenceFrom(here, inspected, file, flags.device);
  return inspectFile(file, other, compare, session);
}
