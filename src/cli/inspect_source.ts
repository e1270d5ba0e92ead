/** Where `inspect` gets its image and its units: a file with registers beside it, roots that were given, ACPI, a scan. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Inspected, inspectImage } from "../audit/reach/inspect_image.js";
import { unitsFromRegisters } from "../audit/reach/registers.js";
import { rootForms, rootGiven } from "../audit/reach/where_given.js";
import { type Image, openImage } from "../read/index.js";
import type { UnitRoot } from "../table/device/index.js";
import { openInput } from "./input.js";
import { AskedWrongly } from "./misuse.js";
import { Progress } from "./terminal.js";

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

/** No registers file and no list of devices is longer. */
const textBytesMax = 2 ** 24;

/** Inspect an image file; it stays open until `use` has returned. @throws Unreadable, AskedWrongly */
export async function inspectFile<T>(
  path: string,
  flags: ImageFlags,
  use: (inspected: Inspected) => Promise<T>,
): Promise<T> {
  const input = await openInput(path);
  const progress = new Progress(basename(path));
  try {
    const { raw, base, ramLow } = flags;
    const image = await openImage(input, { format: raw === true ? "raw" : undefined, base, ramLow });
    const where = await unitsOf(path, image, flags);
    const notes = [...(input.damage === null ? [] : [input.damage]), ...where.notes];
    const inspected = inspectImage({
      file: basename(path),
      image,
      units: where.units,
      registerNotes: where.registerNotes,
      notes,
      reserved: null,
      bus: null,
      progress: (share) => progress.at(share),
    });
    progress.done();
    return await use(inspected);
  } finally {
    progress.done();
    input.close();
  }
}

async function unitsOf(path: string, image: Image, flags: ImageFlags) {
  const given = (flags.root ?? []).map(unitGiven);
  const registers = flags.registers ?? (given.length > 0 ? null : besideImage(path));
  if (registers !== null) {
    const { units, notes } = unitsFromRegisters(registers, await textOf(registers));
    const found = flags.registers === undefined ? `registers found beside the image: ${basename(registers)}` : null;
    return { units: [...units, ...given], registerNotes: notes, notes: found === null ? [] : [found] };
  }
  if (given.length > 0) return { units: given, registerNotes: [], notes: [] };
  throw new AskedWrongly(`${path}: ${image.format} image without registers beside it`);
}

function unitGiven(text: string): UnitRoot {
  const unit = rootGiven(text);
  if (typeof unit === "string") throw new AskedWrongly(`--root ${unit}`);
  return unit;
}

/** `mem.registers.json` beside `mem.elf.gz`, or `IMAGE.registers.json`. */
function besideImage(path: string): string | null {
  if (path === "-") return null;
  const name = basename(path);
  const unpacked = name.replace(/\.(gz|zst)$/, "");
  const stem = unpacked.replace(/\.[^.]+$/, "");
  for (const start of new Set([name, unpacked, stem, stem.replace(/\.[^.]+$/, "")])) {
    const beside = join(dirname(path), `${start}.registers.json`);
    if (existsSync(beside)) return beside;
  }
  return null;
}

export async function textOf(path: string): Promise<string> {
  const input = await openInput(path);
  try {
    const bytes = new Uint8Array(Math.min(input.size, textBytesMax));
    return new TextDecoder().decode(bytes.subarray(0, input.read(0, bytes)));
  } finally {
    input.close();
  }
}

export { rootForms };
