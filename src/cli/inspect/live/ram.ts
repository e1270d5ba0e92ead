/** A running guest's RAM as the file that backs it: which backend the file is, and which bytes lie at which address. */
import { closeSync, type Stats, statSync } from "node:fs";
import type { ByteSource } from "../../../read/bytes.js";
import { Unreadable } from "../../../read/unreadable.js";
import { openRegular, readAt } from "../../host/descriptor.js";
import type { AddressMap, RamPiece } from "./map.js";
import type { Qmp } from "./qmp.js";

export interface RamFile extends ByteSource {
  readonly stat: Stats;
  close(): void;
}

/** Open the file as it is: RAM may begin with any bytes, so nothing is unpacked. @throws Unreadable */
export function openRam(path: string): RamFile {
  const { fd, stat } = openRegular(path, { readable: wantedFile, file: wantedFile });
  return {
    name: path,
    size: stat.size,
    stat,
    read: (offset, into) => readAt(fd, offset, into),
    close: () => closeSync(fd),
  };
}

const wantedFile = "the file behind the guest's RAM (-object memory-backend-file,mem-path=FILE,share=on)";

/** A memory backend as QEMU describes it. */
export interface Backend {
  readonly id: string;
  readonly bytes: number;
  readonly shared: boolean;
  /** null for one that is not a named file. */
  readonly path: string | null;
}

/** @throws Unreadable when the guest has no memory backend, and so no file. */
export async function backends(qmp: Qmp): Promise<Backend[]> {
  const found: Backend[] = [];
  const answer = await qmp.execute("query-memdev");
  for (const entry of Array.isArray(answer) ? (answer as { id?: unknown; size?: unknown; share?: unknown }[]) : []) {
    if (typeof entry.id !== "string" || typeof entry.size !== "number") continue;
    const path = await qmp
      .execute("qom-get", { path: `/objects/${entry.id}`, property: "mem-path" })
      .then((value) => (typeof value === "string" && value !== "" ? value : null))
      .catch(() => null);
    found.push({ id: entry.id, bytes: entry.size, shared: entry.share !== false, path });
  }
  if (found.length > 0) return found;
  throw new Unreadable(qmp.name, "query-memdev", wantedFile, "a guest without memory backends");
}

/**
 * Which backend a file is: the one with that very file, else the only one of that size whose file cannot be compared
 * (a memfd by its name under /proc, a path of another namespace).
 * @throws Unreadable when it is none of them, or one that does not share its writes.
 */
export function backendOf(file: RamFile, all: readonly Backend[]): Backend {
  const same = all.find((b) => b.path !== null && isSame(file.stat, b.path));
  const alike = all.filter((b) => b.bytes === file.size && (b.path === null || !exists(b.path)));
  const chosen = same ?? (alike.length === 1 ? alike[0] : undefined);
  if (chosen === undefined) {
    const named = all.map((b) => `"${b.id}": ${b.path ?? "no named file"}, ${b.bytes} bytes`).join("; ");
    throw new Unreadable(file.name, "", `the file of a memory backend (${named})`, `another file, ${file.size} bytes`);
  }
  if (!chosen.shared) {
    throw new Unreadable(file.name, "", "share=on", `share=off at "${chosen.id}": the guest's writes stay out of it`);
  }
  return chosen;
}

function isSame(stat: Stats, path: string): boolean {
  const other = statSync(path, { throwIfNoEntry: false });
  return other !== undefined && other.ino === stat.ino && other.dev === stat.dev;
}

const exists = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** A run of bytes of the file and the physical address of the first; what a raw image is told. */
export interface RamLayout {
  readonly fileOffset: number;
  readonly address: number;
  readonly bytes: number;
}

/**
 * Where the file's bytes lie, and which RAM of the guest it does not hold.
 * @throws Unreadable when none of it does.
 */
export function layoutOf(
  file: RamFile,
  backend: Backend,
  map: AddressMap,
): { layout: RamLayout[]; elsewhere: RamPiece[] } {
  const layout: RamLayout[] = [];
  const elsewhere: RamPiece[] = [];
  for (const piece of map.ram) {
    const { block, offset, address } = piece;
    // A NUMA node's backend shows under its own name, a whole machine's under its id or its full path.
    if (block !== backend.id && !block.endsWith(`/${backend.id}`)) {
      elsewhere.push(piece);
      continue;
    }
    const bytes = Math.min(piece.bytes, Math.max(file.size - offset, 0));
    const last = layout.at(-1);
    if (last !== undefined && last.address + last.bytes === address && last.fileOffset + last.bytes === offset) {
      layout[layout.length - 1] = { ...last, bytes: last.bytes + bytes };
    } else if (bytes > 0) layout.push({ fileOffset: offset, address, bytes });
  }
  if (layout.length > 0) return { layout, elsewhere };
  const blocks = [...new Set(map.ram.map((p) => p.block))].join(", ");
  throw new Unreadable(file.name, "", `RAM that is "${backend.id}" in the guest's memory`, `only ${blocks}`);
}
