/** `inspect`: which device reaches which memory, from a memory image. */
import { parseAddress } from "../../audit/inspect/device_name.js";
import { type Inspected, inspectingImage } from "../../audit/inspect/image/inspect_image.js";
import { busFromText } from "../../audit/inspect/pci/bus.js";
import { openImage } from "../../read/image/open_image.js";
import { inspectPageText } from "../../report/inspect/html.js";
import { inspectDocument } from "../../report/inspect/inspect_json.js";
import type { InspectReport } from "../../report/inspect/inspect_report.js";
import type { InspectDocument } from "../../report/schema/documents.js";
import type { UnitRoot } from "../../table/device/index.js";
import { contentOf, refuseOthers } from "../content.js";
import { type Input, isInput, openInput, type TextInput, textOf } from "../input.js";
import type { WithPage } from "../page_content.js";
import { Work } from "../work.js";
import {
  BadOption,
  checkNames,
  flag,
  ofOption,
  text,
  type WorkOptions,
  wholeNumber,
  workNames,
} from "../work_options.js";
import { checkQuestion, differenceFrom, type InspectQuestion, reportOf } from "./report.js";
import { unitGiven } from "./roots.js";
import { unitsOf } from "./units.js";

/** What `inspect` takes besides the image. */
export interface InspectOptions extends ImageOptions, WorkOptions {
  /** Tell of this device only, with all of its mappings: `00:03.0`. */
  readonly device?: string;
  /** Who reaches this physical address? A number, or `"0x5097010"`. */
  readonly who?: number | string;
  /** Where does this address of a device lead, entry by entry? `"00:03.0:0xfffc0123"`. */
  readonly at?: string;
  /** What differs in this other image. */
  readonly diff?: Input | OtherImage;
  /** Put into the document what a page shows, for `html` of `dmalab/pages`. Default: no. */
  readonly page?: boolean;
}

/** How an image is read, and where its units' tables are. */
export interface ImageOptions {
  /**
   * Values of the units' registers by physical address: the text of a JSON file, or what it holds, such as
   * `{ kind: "vtd", registers: { "0xfed90020": "0x0000000003a88000" } }`. Without them tables are found by their form.
   */
  readonly registers?: TextInput | RegisterValues | readonly RegisterValues[];
  /** Where units' tables are: `"vtd:0x3c02000"`, `"amdvi:0x1e84000,0x2000"`, `"smmuv3:0x45580000,16,8"`. */
  readonly roots?: readonly string[];
  /** Find tables by their form, also where registers or roots say where they are. Default: no. */
  readonly scan?: boolean;
  /** What is on the bus: the text of `info pci`, of `lspci -nnvv`, or of `lspci -nn` and `lspci -t`. */
  readonly pci?: TextInput;
  /** The image is memory and nothing else: `true`, or where it lies. */
  readonly raw?: boolean | RawImage;
}

/** Register values of one kind of unit. */
export interface RegisterValues {
  readonly kind: "vtd" | "amdvi" | "smmuv3";
  /** By physical address; values of 64 bits, hexadecimal. */
  readonly registers: Readonly<Record<string, string>>;
}

/** Where a raw image lies in memory. */
export interface RawImage {
  /** Physical address of its first byte, a multiple of 4096. Default: 0. */
  readonly base?: number;
  /** Bytes of it that lie below 4 GiB; the rest begins there. */
  readonly ramLow?: number;
}

/** Another image, to be held against the first. */
export interface OtherImage extends Pick<ImageOptions, "registers" | "roots" | "scan" | "raw"> {
  readonly image: Input;
  /** What messages call it. */
  readonly name?: string;
}

const imageNames = ["registers", "roots", "scan", "pci", "raw"] as const;
const names = [...workNames, ...imageNames, "device", "who", "at", "diff", "page"] as const;
const otherNames = ["image", "name", "registers", "roots", "scan", "raw"] as const;

/**
 * Say which device reaches which memory, and what is wrong with that.
 *
 * A signal is noticed between two devices and between two blocks of the image; the page tables of one device are read in one
 * piece.
 *
 * @param image an ELF core, a kdump file, LiME, flattened ones of these, or with `raw` any memory
 * @returns what `dmalab inspect --json` prints
 * @throws Unreadable for what is no image, or one that holds no tables of an IOMMU; BadOption; the signal's
 *   reason.
 */
export async function inspect(image: Input, options: InspectOptions = {}): Promise<InspectDocument & WithPage> {
  const { name = "image", device, who, at, diff, page, ...o } = checkNames(options, names);
  const question: InspectQuestion = {
    ...(device !== undefined && { device: text("device", device) }),
    ...(who !== undefined && { who: physical(who) }),
    ...(at !== undefined && { at: text("at", at) }),
  };
  checkQuestion(question, ofOption);
  const other = diff === undefined ? null : otherOf(diff);
  const isShown = flag("page", page, false);
  flag("scan", o.scan, false);
  const work = new Work(options);
  const here = await inspected({ image, name, ...o }, { from: 0, to: other === null ? 1 : 0.5 }, work);
  const report = reportOf(here, question, ofOption);
  const shown = isShown ? inspectPageText(report, here.image) : null;
  const whole = other === null ? report : await withDifference(report, other, device, work);
  work.end();
  const document = inspectDocument(whole);
  return shown === null ? document : { ...document, page: { kind: "inspection", ...shown } };
}

async function withDifference(
  report: InspectReport,
  other: OtherImage,
  device: string | undefined,
  work: Work,
): Promise<InspectReport> {
  const name = other.name ?? "other";
  const there = await inspected({ ...other, name }, { from: 0.5, to: 1 }, work);
  return { ...report, diff: differenceFrom(report, there, name, device) };
}

interface Looked extends ImageOptions {
  readonly image: Input;
  readonly name: string;
}

/** @param share which part of the whole work this is */
async function inspected(
  { image: input, name, ...o }: Looked,
  share: { readonly from: number; readonly to: number },
  work: Work,
): Promise<Inspected> {
  const upTo = (part: number) => work.part(share.from + part * (share.to - share.from));
  const raw = rawOf(o.raw);
  const given = rootsOf(o.roots);
  upTo(0.2);
  const source = await openInput("image", input, name, work);
  if (raw === null) refuseOthers(await contentOf(source, name), ["image"], name);
  const image = await openImage(source, raw ?? {});
  const registers =
    o.registers === undefined ? null : { name: "registers", text: await registersText(o.registers, work) };
  const bus = o.pci === undefined ? null : busFromText("pci", await textOf("pci", o.pci, "pci", work));
  upTo(0.6);
  let searched = 0;
  const where = await unitsOf(image, {
    ...{ name, registers, given, scan: o.scan === true, hint: "the options registers and roots say where they are" },
    together: { progress: (share) => (searched = share), breath: () => work.at(searched) },
  });
  upTo(1);
  const damage = source.damage === null ? [] : [source.damage];
  const read = { file: name, image, isPartial: damage.length > 0, notes: [...damage, ...where.notes], bus };
  return work.run(inspectingImage({ ...where.input, ...read }));
}

function otherOf(diff: Input | OtherImage): OtherImage {
  if (isInput(diff)) return { image: diff as Input };
  const other = checkNames(diff, otherNames, "diff");
  if (other.name !== undefined) text("diff.name", other.name);
  flag("diff.scan", other.scan, false);
  return other;
}

function rootsOf(texts: readonly string[] = []): UnitRoot[] {
  if (!Array.isArray(texts)) throw new BadOption("roots", texts, "a list of roots was expected");
  return texts.map(rootOf);
}

function rootOf(text: string, n: number): UnitRoot {
  const unit = typeof text === "string" ? unitGiven(text) : "a text was expected";
  if (typeof unit === "string") throw new BadOption(`roots.${n}`, text, unit);
  return unit;
}

async function registersText(given: NonNullable<ImageOptions["registers"]>, work: Work): Promise<string> {
  return isInput(given) ? textOf("registers", given, "registers", work) : JSON.stringify(given);
}

/** A number is taken as it is, a text as the command takes it. */
function physical(who: number | string): number {
  if (typeof who === "number") return wholeNumber("who", who, 0, 2 ** 52 - 1);
  const address = ofOption("who", who, () => parseAddress(text("who", who)));
  if (address < 2n ** 52n) return Number(address);
  throw new BadOption("who", who, "a physical address has at most 52 bits");
}

function rawOf(raw: ImageOptions["raw"]) {
  if (raw === undefined || raw === false) return null;
  const { base, ramLow } = checkNames(raw === true ? {} : raw, ["base", "ramLow"], "raw");
  return {
    format: "raw" as const,
    base: base === undefined ? undefined : wholeNumber("raw.base", base, 0, 2 ** 52 - 4096, 4096),
    ramLow: ramLow === undefined ? undefined : wholeNumber("raw.ramLow", ramLow, 4096, 2 ** 32, 4096),
  };
}
