/**
 * Which dump of a directly mapped domain's tree is of before a recording: the one that its grants, and the first mapping
 * of each page, do not contradict.
 */
import { frameBytes } from "../../../base/frame.js";
import type { P2mTable } from "../../../read/xen/p2m_file.js";
import type { FirstLook } from "./first_look.js";
import type { PoolFrames } from "./pool_frames.js";
import { type Dated, mayBeBefore, whenWords } from "./xen_files.js";

const pageBytes = frameBytes;

interface Fit {
  /** Pages that the recording shows with the frame that the dump says, and others. */
  readonly agree: number;
  readonly against: number;
}

export function chooseTree(o: {
  readonly files: readonly Dated<P2mTable>[];
  readonly look: FirstLook;
  readonly frames: PoolFrames | null;
  readonly used: { name: string; used: string }[];
  readonly notes: string[];
}): Dated<P2mTable> | null {
  const candidates = o.files.filter((f) => mayBeBefore(f.when));
  let best: { readonly file: Dated<P2mTable>; readonly fit: Fit } | null = null;
  for (const file of candidates) {
    const fit = fitOf(file.table, o.look, o.frames);
    if (best !== null && !better(fit, best.fit)) continue;
    best = { file, fit };
  }
  if (best === null) return null;
  const { file, fit } = best;
  // Without the probe of every change, pages that contradict it may have changed unseen.
  if (o.look.framesShown && fit.against > 0) {
    o.used.push({
      name: file.name,
      used: `passed over: ${fit.against} pages were in another state when they first appear`,
    });
    o.notes.push(
      `${file.name} is not from just before the recording: ${fit.against} pages contradict it. Foreign pages of before ` +
        "are told by their addresses alone",
    );
    return null;
  }
  const others = candidates.length - 1;
  const agrees = fit.agree === 0 ? "nothing contradicts it" : `agrees with ${fit.agree} pages`;
  const chosen = others === 0 ? "" : `, as no other of ${candidates.length} does better`;
  o.used.push({
    name: file.name,
    used: `tree of foreign pages from before the recording (${whenWords(file.when)}; ${agrees}${chosen})`,
  });
  return file;
}

const better = (a: Fit, b: Fit): boolean => a.against < b.against || (a.against === b.against && a.agree > b.agree);

function fitOf(table: P2mTable, look: FirstLook, frames: PoolFrames | null): Fit {
  let agree = 0;
  let against = 0;
  const say = (right: boolean) => (right ? agree++ : against++);
  for (const pfn of look.endedFirst) say(!Number.isNaN(table.frame(pfn)));
  for (const pfn of look.setTo.keys()) if (!look.endedFirst.has(pfn)) say(Number.isNaN(table.frame(pfn)));
  for (const [pfn, mfn] of look.first) {
    if (frames !== null && !Number.isNaN(frames.offsetOf(mfn * pageBytes))) continue;
    const said = table.frame(pfn);
    if (Number.isNaN(said) && mfn === pfn) continue;
    say(said === mfn);
  }
  return { agree, against };
}
