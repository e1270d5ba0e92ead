/** Memory images of every form, told apart by their content. */
import type { ByteSource } from "../bytes.js";
import { openInflate } from "../inflate.js";
import { Unreadable, Warnings } from "../unreadable.js";
import { openZstd } from "../zstd.js";
import { readElf } from "./elf.js";
import { openFlattened } from "./flattened.js";
import { foreignForm } from "./foreign.js";
import type { Image } from "./image.js";
import { sniffImage } from "./image_form.js";
import { KdumpImage } from "./kdump_image.js";
import { readLime } from "./lime.js";
import { LinearImage } from "./linear_image.js";
import { type RawOptions, rawPieces } from "./raw.js";

/** Any of `base`, `ramLow` and `layout` says that the file is raw. */
export interface ImageOptions extends RawOptions {
  /** A raw image has no mark: it is read as one only when told. */
  readonly format?: "raw" | undefined;
  /** How many bytes of frames to keep; 64 MiB unless given. */
  readonly cacheBytes?: number | undefined;
}

const cacheBytesUsual = 2 ** 26;

/**
 * Open a memory image: ELF core, kdump-compressed, LiME, or raw when the options say so; the first two also flattened.
 * The source must stay open for as long as the image is used. No more than the cache and an index is kept in memory.
 *
 * @throws Unreadable for what is no such image or not readable at all; Misuse for options that contradict themselves.
 */
export async function openImage(source: ByteSource, options: ImageOptions = {}): Promise<Image> {
  const warnings = new Warnings();
  const cacheBytes = options.cacheBytes ?? cacheBytesUsual;
  const { base, ramLow, layout } = options;
  if (options.format === "raw" || base !== undefined || ramLow !== undefined || layout !== undefined) {
    const parts = { format: "raw", machine: null, pieces: rawPieces(source, options) } as const;
    return new LinearImage(source, parts, warnings, cacheBytes);
  }
  const flattened = sniffImage(source) === "flattened";
  const inner = flattened ? openFlattened(source, warnings) : source;
  const form = sniffImage(inner);
  if (form === "elf") return new LinearImage(inner, readElf(inner, warnings), warnings, cacheBytes);
  if (form === "lime") return new LinearImage(inner, readLime(inner, warnings), warnings, cacheBytes);
  if (form === "kdump")
    return new KdumpImage(inner, warnings, {
      cacheBytes,
      unpackers: { inflate: await openInflate(), zstd: await openZstd() },
    });
  throw new Unreadable(
    source.name,
    "",
    flattened
      ? "an ELF core or a kdump file inside a flattened dump"
      : "an ELF core, a kdump file or LiME (or raw, when told)",
    foreignForm(inner),
  );
}
