/**
 * Dumps of a Xen domain beside its recording: `PHASE.p2m.txt`, `.m2p.txt`, `.swiotlb.txt`, `.domu-p2m.txt`, also `.gz`
 * and `.zst`, each taken at the end of its phase; `PHASE.trace.*` is a phase's recording.
 */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Dated, When, XenFiles } from "../../lab/replay/xen/xen_files.js";
import type { ByteSource } from "../../read/bytes.js";
import { Unreadable } from "../../read/unreadable.js";
import { readGuestP2m } from "../../read/xen/guest_p2m_file.js";
import { readM2p } from "../../read/xen/m2p_file.js";
import { readP2m } from "../../read/xen/p2m_file.js";
import { readPoolFile } from "../../read/xen/pool_file.js";
import type { Session } from "../session/session.js";
import { type Span, spanOf } from "./text_span.js";

/** A folder with more dumps than this is no folder of one machine's recordings. */
const filesMax = 200;
const nameOfFile = /^(?:(.+)\.)?(p2m|m2p|swiotlb|domu-p2m|trace|dmesg)\.(?:txt|dat|log)(?:\.gz|\.zst)?$/;

interface Found {
  /** "" for a file without one. */
  readonly phase: string;
  readonly kind: string;
  readonly path: string;
}

export interface XenBeside {
  readonly files: XenFiles;
  /** A kernel log of another phase of the same boot. */
  readonly log: string | null;
}

export interface XenFlags {
  readonly p2m?: string;
  readonly m2p?: string;
  readonly pool?: string;
}

/**
 * @param recording the recording itself, opened
 * @returns null when nothing was named and nothing is there. Files found beside that cannot be read are passed over.
 * @throws Unreadable for one that the user named and that cannot be read.
 */
export async function xenFiles(
  path: string,
  recording: ByteSource,
  flags: XenFlags,
  session: Session,
): Promise<XenBeside | null> {
  const asked = flags.p2m !== undefined || flags.m2p !== undefined || flags.pool !== undefined;
  const found = path === "-" ? [] : listed(path);
  const dumps = found.filter(
    (f) => f.kind !== "trace" && f.kind !== "dmesg" && !(f.kind === "swiotlb" && f.phase === ""),
  );
  if (!asked && dumps.length === 0) return null;
  const phase = path === "-" ? null : (nameOfFile.exec(basename(path))?.[1] ?? null);
  const order = await ordered(dumps, found, phase, recording, session);
  const passedOver: { name: string; used: string }[] = [];
  const beside = async <T>(kind: string, read: (source: ByteSource) => T): Promise<Dated<T>[]> => {
    const tables: Dated<T>[] = [];
    for (const f of order.filter((d) => d.kind === kind)) {
      try {
        tables.push({ name: basename(f.path), when: f.when, table: await readWhole(f.path, read, session) });
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        passedOver.push({ name: basename(f.path), used: `passed over: ${error.message}` });
      }
    }
    return tables;
  };
  const given = async <T>(file: string, read: (source: ByteSource) => T): Promise<Dated<T>[]> => {
    return [{ name: basename(file), when: "given", table: await readWhole(file, read, session) }];
  };
  const p2m = await (flags.p2m === undefined ? beside("p2m", readP2m) : given(flags.p2m, readP2m));
  const m2p = await (flags.m2p === undefined ? beside("m2p", readM2p) : given(flags.m2p, readM2p));
  const pool = await (flags.pool === undefined ? beside("swiotlb", readPoolFile) : given(flags.pool, readPoolFile));
  const guests = (await beside("domu-p2m", readGuestP2m)).map((f) => f.table);
  const log = found.find((f) => f.kind === "dmesg");
  return { files: { p2m, m2p, pool, guests, passedOver }, log: log?.path ?? null };
}

function listed(path: string): Found[] {
  const folder = dirname(path);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .sort()
    .flatMap((name) => {
      const m = nameOfFile.exec(name);
      return m === null ? [] : [{ phase: m[1] ?? "", kind: m[2]!, path: join(folder, name) }];
    })
    .slice(0, filesMax);
}

/** The content of a dump; one that is damaged is no dump, because what is missing would look like nothing. */
async function readWhole<T>(path: string, read: (source: ByteSource) => T, session: Session): Promise<T> {
  const input = await session.open(path);
  try {
    if (input.damage !== null) throw new Unreadable(path, "", "a whole file", input.damage);
    const bytes = new Uint8Array(input.size);
    input.read(0, bytes);
    return read({ name: basename(path), size: input.size, read: (at, into) => input.read(at, into), bytes });
  } finally {
    input.close();
  }
}

const rank: Readonly<Record<When, number>> = { given: 0, before: 1, unknown: 2, end: 3, later: 4 };

/** Dumps with their time, those nearest before the recording first, then those of unknown time, then later ones. */
async function ordered(
  dumps: readonly Found[],
  all: readonly Found[],
  phase: string | null,
  recording: ByteSource,
  session: Session,
): Promise<(Found & { readonly when: When })[]> {
  const own = spanOf(recording);
  const spans = new Map<string, Span>();
  for (const name of new Set(dumps.map((d) => d.phase))) {
    if (name === phase || own === null) continue;
    const trace = all.find((f) => f.kind === "trace" && f.phase === name);
    const span = trace === undefined ? null : await spanOfFile(trace.path, session);
    if (span !== null) spans.set(name, span);
  }
  const whenOf = (name: string): When => {
    if (name === phase) return "end";
    const span = spans.get(name);
    if (span === undefined || own === null) return "unknown";
    return span.to <= own.from ? "before" : span.from >= own.to ? "later" : "unknown";
  };
  const distance = (name: string): number => {
    const span = spans.get(name);
    // The first dump of a boot is the farthest from everything.
    if (span === undefined || own === null) return name === "boot" ? 1 : 0;
    return span.to <= own.from ? own.from - span.to : span.from - own.to;
  };
  return dumps
    .map((d) => ({ ...d, when: whenOf(d.phase) }))
    .sort((a, b) => rank[a.when] - rank[b.when] || distance(a.phase) - distance(b.phase));
}

async function spanOfFile(path: string, session: Session): Promise<Span | null> {
  try {
    const input = await session.open(path);
    try {
      return spanOf(input);
    } finally {
      input.close();
    }
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}
