/** `replay`: a recording, replayed to the address. */
import { describeMachine } from "../lab/machine/description/description.js";
import type { Dated, XenFiles } from "../lab/replay/xen/xen_files.js";
import type { ByteSource } from "../read/bytes.js";
import { readingKernelLog } from "../read/kernel_log/read_kernel_log.js";
import { readPoolCounters } from "../read/pool_counters.js";
import { readGuestP2m } from "../read/xen/guest_p2m_file.js";
import { readM2p } from "../read/xen/m2p_file.js";
import { readP2m } from "../read/xen/p2m_file.js";
import { readPoolFile } from "../read/xen/pool_file.js";
import { type RunDocument, type RunReport, runDocument, runPage } from "../report/index.js";
import { readParameter } from "../sw/swiotlb/parameter.js";
import { contentOf, refuseOthers } from "./content.js";
import { type Input, openInput, type TextInput, textOf } from "./input.js";
import { logFacts } from "./log_facts.js";
import type { WithPage } from "./page_content.js";
import { poolAreasMax, poolSlotsMax, poolSlotsMin } from "./pool_limits.js";
import { type AskedPool, type Replayed, replayReport } from "./replay_report.js";
import { Work } from "./work.js";
import { BadOption, checkNames, flag, type WorkOptions, wholeNumber, workNames } from "./work_options.js";

/** What `replay` takes besides the recording. */
export interface ReplayOptions extends WorkOptions {
  /** The kernel's log of the same boot: drivers, the pool's bounds, the command line, refusals. */
  readonly log?: TextInput;
  /** The kernel's own counters of its pool, read after the recording: the files of `/sys/kernel/debug/swiotlb`. */
  readonly counters?: TextInput;
  /** Dumps of the Xen domain that was recorded. */
  readonly xen?: XenDumps;
  /** Replay on this pool instead of the recorded one. */
  readonly swiotlb?: PoolSetting;
  /** Other sizes of the pool to try, in slots; `auto`: 64 settings of size and areas. Without it, a few around the pool. */
  readonly sizes?: "auto" | readonly number[];
  /** Replay on the pool and the devices of this description of a machine (YAML). */
  readonly machine?: TextInput;
  /** Takes a trace for ui.perfetto.dev, piece by piece. */
  readonly perfetto?: (piece: Uint8Array) => void;
  /** Put into the document what a page shows, for `html` of `dmalab/pages`. Default: no. */
  readonly page?: boolean;
}

/** A bounce pool as one asks a kernel for it. */
export interface PoolSetting {
  /** Slots of 2 KiB; kernels round them up to a power of two. */
  readonly slots: number;
  /** Parts with a lock each. Default: as many as the recorded pool has. */
  readonly areas?: number;
  /** All DMA bounces. Default: as recorded. */
  readonly force?: boolean;
}

/** Dumps of a Xen domain, as text, from just before the recording. */
export interface XenDumps {
  /** Its page table of physical pages. */
  readonly p2m?: Input;
  /** Xen's table of machine frames. */
  readonly m2p?: Input;
  /** Its bounce pool. */
  readonly pool?: Input;
  /** Page tables of guests that it serves. */
  readonly guests?: readonly Input[];
}

/**
 * Replay a recording on a model of the machine that it is of: what each device mapped, what bounced and why, what was
 * refused, what leaked, and which pool would have been enough.
 *
 * @param recording trace.dat (6 and 7), the text of `trace`, `trace_pipe` or `trace-cmd report`, or of perf script
 * @returns what `dmalab run --json` prints
 * @throws Unreadable for what is no recording, or for a log, a dump or a description that cannot be read; BadOption;
 *   the signal's reason.
 */
export async function replay(recording: Input, options: ReplayOptions = {}): Promise<RunDocument & WithPage> {
  const report = await replayed(recording, options);
  const document = runDocument(report);
  return options.page === true ? { ...document, page: { kind: "recording", ...runPage(report) } } : document;
}

const names = [...workNames, "log", "counters", "xen", "swiotlb", "sizes", "machine", "perfetto", "page"] as const;

async function replayed(recording: Input, options: ReplayOptions): Promise<RunReport> {
  const { name = "recording", log, counters, xen, machine, perfetto, ...o } = checkNames(options, names);
  const work = new Work(options);
  flag("page", o.page, false);
  if (perfetto !== undefined && typeof perfetto !== "function") {
    throw new BadOption("perfetto", perfetto, "a function was expected");
  }
  const asked = {
    ...(o.swiotlb !== undefined && { swiotlb: askedPool(o.swiotlb) }),
    ...(o.sizes !== undefined && { sizes: askedSizes(o.sizes) }),
  };
  work.part(0.1);
  const opened = await openInput("recording", recording, name, work);
  refuseOthers(await contentOf(opened, name), ["recording"], name);
  const facts = log === undefined ? null : await logOf(log, work);
  const beside = {
    counters: counters === undefined ? null : readPoolCounters(await textOf("counters", counters, "counters", work)),
    xen: xen === undefined ? null : await xenFiles(xen, work),
    described:
      machine === undefined ? null : describeMachine("machine", await textOf("machine", machine, "machine", work)),
  };
  work.part(1);
  const report = await replayReport({
    ...beside,
    ...asked,
    recording: opened,
    log: facts,
    ...(perfetto !== undefined && { perfetto }),
    progress: (share) => work.at(share),
  });
  if (o.sizes !== undefined && report.outcome.whatIf.length === 0) {
    throw new BadOption(
      "sizes",
      o.sizes,
      "it tries other sizes of the machine's bounce pool, and there is none to see",
    );
  }
  work.end();
  return report;
}

async function logOf(log: TextInput, work: Work): Promise<Replayed["log"]> {
  const source = await openInput("log", log, "log", work);
  refuseOthers(await contentOf(source, "log"), ["log"], "log");
  return logFacts(await work.run(readingKernelLog(source)));
}

async function xenFiles(xen: XenDumps, work: Work): Promise<XenFiles> {
  const { p2m, m2p, pool, guests = [] } = checkNames(xen, ["p2m", "m2p", "pool", "guests"], "xen");
  const read = async <T>(name: string, input: Input, reader: (source: ByteSource) => T): Promise<T> => {
    const source = await openInput(`xen.${name}`, input, name, work);
    return reader(source);
  };
  const given = async <T>(name: string, input: Input | undefined, reader: (source: ByteSource) => T) => {
    const dated: Dated<T>[] = [];
    if (input !== undefined) dated.push({ name, when: "given", table: await read(name, input, reader) });
    return dated;
  };
  return {
    p2m: await given("p2m", p2m, readP2m),
    m2p: await given("m2p", m2p, readM2p),
    pool: await given("pool", pool, readPoolFile),
    guests: await Promise.all(guests.map((guest) => read("guests", guest, readGuestP2m))),
    passedOver: [],
  };
}

/** The pool that a kernel would make of it. */
function askedPool(setting: PoolSetting): AskedPool {
  const { slots, areas, force } = checkNames(setting, ["slots", "areas", "force"], "swiotlb");
  wholeNumber("swiotlb.slots", slots, 1, poolSlotsMax);
  if (areas !== undefined) wholeNumber("swiotlb.areas", areas, 1, poolAreasMax);
  const read = readParameter(areas === undefined ? `${slots}` : `${slots},${areas}`);
  return {
    slots: read.slots,
    areas: read.areas === 0 ? null : read.areas,
    forced: force === undefined ? null : flag("swiotlb.force", force, false),
  };
}

function askedSizes(sizes: "auto" | readonly number[]): "auto" | readonly number[] {
  if (sizes === "auto") return sizes;
  if (!Array.isArray(sizes)) throw new BadOption("sizes", sizes, "auto or a list of numbers of slots was expected");
  return sizes.map((n, i) => wholeNumber(`sizes.${i}`, n, poolSlotsMin, poolSlotsMax));
}
