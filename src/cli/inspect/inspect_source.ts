/** Where `inspect` gets its image from: a file, or a running guest; and what stands beside it. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Inspected, inspectImage } from "../../audit/inspect/image/inspect_image.js";
import { busFromText } from "../../audit/inspect/pci/bus.js";
import type { Crew } from "../../audit/inspect/survey/crew.js";
import { unitGiven } from "../../library/inspect/roots.js";
import { type RegistersText, type UnitsAsked, type UnitsFound, unitsOf } from "../../library/inspect/units.js";
import type { Image } from "../../read/image/image.js";
import { sniffImage } from "../../read/image/image_form.js";
import { type ImageOptions, openImage } from "../../read/image/open_image.js";
import type { UnitRoot } from "../../table/device/index.js";
import type { Input } from "../files/input.js";
import { AskedWrongly } from "../host/misuse.js";
import { checkForms } from "../options/check.js";
import { inspectVerb } from "../options/inspect_options.js";
import { contentOf, refuseOthers } from "../session/content.js";
import type { Session } from "../session/session.js";
import { textOf } from "../session/text_of.js";
import { imageCrew } from "./image_crew.js";

export interface ImageFlags {
  readonly registers?: string;
  readonly root?: readonly string[];
  readonly scan?: boolean;
  readonly pci?: string;
  readonly raw?: boolean;
  /** Bytes. */
  readonly base?: number;
  readonly ramLow?: number;
}

/**
 * Inspect an image file. What `use` is given is good until it returns.
 * @throws Unreadable, AskedWrongly
 */
export async function inspectFile<T>(
  path: string,
  flags: ImageFlags,
  use: (i: Inspected) => T,
  session: Session,
): Promise<T> {
  const input = await session.open(path);
  try {
    await checkImage(input, path, flags);
    const { raw, base, ramLow } = flags;
    const opening = session.progress(`opening ${basename(path)}`);
    const options: ImageOptions = { format: raw === true ? "raw" : undefined, base, ramLow };
    const image = await openImage(input, options);
    opening.done();
    const given = rootsOf(flags);
    const beside = flags.registers ?? (given.length > 0 || flags.scan === true ? null : besideImage(path));
    const registers = beside === null ? null : { name: beside, text: await textOf(beside, session) };
    const damage = input.damage === null ? [] : [input.damage];
    const said = beside !== null && flags.registers === undefined ? [`registers were found beside it: ${beside}`] : [];
    const bus = flags.pci === undefined ? null : busFromText(flags.pci, await textOf(flags.pci, session));
    const asked = { name: path, registers, given, scan: flags.scan === true };
    const where = await lookingForUnits(image, asked, imageCrew(input, options), session);
    return await session.during(`inspecting ${basename(path)}`, (progress) => {
      const notes = [...damage, ...said, ...where.notes];
      const share = (done: number) => progress.at(done);
      const read = { file: basename(path), image, isPartial: damage.length > 0, progress: share };
      return use(inspectImage({ ...where.input, ...read, notes, bus }));
    });
  } finally {
    input.close();
  }
}

/** Inspect a running guest: it stands still until `use` has returned. @throws Unreadable, AskedWrongly */
export async function inspectLive<T>(
  names: { readonly socket: string; readonly ram: string },
  flags: ImageFlags,
  use: (i: Inspected) => T,
  session: Session,
): Promise<T> {
  session.readsFile(names.ram);
  const { withLiveGuest } = await import("./live/live_guest.js");
  return withLiveGuest(
    names,
    async ({ image, registers, pci, notes }) => {
      const file = flags.registers;
      const own: RegistersText = { name: names.socket, text: JSON.stringify(registers) };
      const text =
        file === undefined ? (registers.length > 0 ? own : null) : { name: file, text: await textOf(file, session) };
      const given = rootsOf(flags);
      const asked = { name: names.ram, registers: given.length > 0 && file === undefined ? null : text, given };
      const devices = flags.pci === undefined ? null : await textOf(flags.pci, session);
      const bus = devices === null ? busFromText(names.socket, pci) : busFromText(flags.pci!, devices);
      const where = await lookingForUnits(image, { ...asked, scan: flags.scan === true }, null, session);
      return session.during(`inspecting ${basename(names.ram)}`, () => {
        const all = [...notes, ...where.notes];
        return use(inspectImage({ ...where.input, file: basename(names.ram), image, notes: all, bus }));
      });
    },
    session.host,
  );
}

/** @throws Unreadable when nobody says where tables are and none are found */
async function lookingForUnits(
  image: Image,
  asked: Omit<UnitsAsked, "together" | "hint">,
  crew: Crew | null,
  session: Session,
): Promise<UnitsFound> {
  const shown = session.progress(`searching ${basename(asked.name)}`);
  try {
    const together = { crew, progress: (share: number) => shown.at(share), breath: () => session.breath() };
    return await unitsOf(image, { ...asked, together, hint: "--registers and --root say where they are" });
  } finally {
    shown.done();
  }
}

/** @throws AskedWrongly for what another verb is there for, and for options that go with other images. */
async function checkImage(input: Input, path: string, flags: ImageFlags): Promise<void> {
  const isMarked = sniffImage(input) !== null;
  if (flags.raw !== true) refuseOthers(await contentOf(input, path), ["image"], path);
  const isRaw = !isMarked && (flags.raw === true || flags.base !== undefined || flags.ramLow !== undefined);
  checkForms(inspectVerb, [isRaw ? "raw" : "image"], path === "-" ? "standard input" : path, flags);
}

function rootsOf(flags: ImageFlags): UnitRoot[] {
  return (flags.root ?? []).map((text) => {
    const unit = unitGiven(text);
    if (typeof unit === "string") throw new AskedWrongly(`--root ${unit}`);
    return unit;
  });
}

/** `mem.registers.json` beside `mem.elf.gz`, or `IMAGE.registers.json`. */
function besideImage(path: string): string | null {
  if (path === "-") return null;
  const name = basename(path);
  const starts = [name];
  for (let dot = name.lastIndexOf("."); dot > 0; dot = starts.at(-1)!.lastIndexOf(".")) {
    starts.push(starts.at(-1)!.slice(0, dot));
  }
  for (const start of starts) {
    const beside = join(dirname(path), `${start}.registers.json`);
    if (existsSync(beside)) return beside;
  }
  return null;
}
