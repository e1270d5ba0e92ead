/** What a unit takes an entry for, in a form that two of them can be compared by. */
import { hex } from "../../base/hex.js";
import type { Attachment, LookupFault } from "../../table/device/index.js";

export interface Tag {
  /** By which translations are told apart. */
  readonly all: string;
  /** The part that software gives to a domain as a whole: no two domains may have it. */
  readonly domain: string;
}

export interface View {
  /** Nothing passes, with or without a word. */
  readonly isBlocked: boolean;
  /** What translations are kept under; null: none are kept. */
  readonly tag: Tag | null;
  /** Where it leads: tables, or addresses as they are. */
  readonly leads: string;
  /** The device may use a TLB of its own. */
  readonly ats: boolean;
  readonly words: string;
}

/** @param tagOf what translations of it are kept under, in words */
export function viewOf(found: Attachment | LookupFault, tagOf: (found: Attachment) => Tag): View {
  if (!("state" in found)) return blocked(found.why);
  if (found.state === "blocked") return blocked(found.why);
  const { ats, first, second } = found;
  if (found.state !== "translated") {
    // Units may keep addresses that pass as they keep translations: VT-d 6.2.5, as those of first stages.
    const tag = found.domain === null ? null : tagOf(found);
    const under = tag === null ? "" : `, under ${tag.all}`;
    return { isBlocked: false, tag, leads: "identity", ats, words: `addresses pass as they are${under}` };
  }
  const tables = [
    ...first.map((r) => `first stage at ${hex(r.address)}, ${r.level + 1} levels`),
    ...(second === null ? [] : [`second stage at ${hex(second.address)}, ${second.level + 1} levels`]),
  ];
  const leads = tables.join("; ");
  const tag = tagOf(found);
  return { isBlocked: false, tag, leads, ats, words: `${leads}, under ${tag.all}` };
}

const blocked = (words: string): View => ({ isBlocked: true, tag: null, leads: "", ats: false, words });

/** Of units whose first stages have PASIDs: VT-d 6.2.5, AMD-Vi 2.4.3. */
export function domainAndPasid({ domain: did, stage, pasid }: Attachment): Tag {
  const domain = `domain ${did ?? 0}`;
  return { domain, all: stage === "second" ? domain : `${domain}, PASID ${pasid ?? 0}` };
}
