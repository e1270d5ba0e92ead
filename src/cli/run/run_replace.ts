/** `dmalab run --replace-table, --replace`: what a device sees while one domain replaces another. */
import { didYouMean } from "../../base/nearest.js";
import { entryOfStructure } from "../../lab/replace/entries.js";
import { type StructureName, structureNames } from "../../lab/replace/structures.js";
import { type Hardware, pairOf, replaceTable } from "../../lab/replace/table.js";
import {
  hitlessMarkdown,
  replaceDocument,
  replacementLines,
  replacementMarkdown,
  replaceTableLines,
} from "../../report/index.js";
import type { StreamFeatures } from "../../sw/iommu/entry/kinds/smmu_stream.js";
import { AskedWrongly } from "../host/misuse.js";
import type { Session } from "../session/session.js";

export interface ReplaceFlags {
  readonly replaceTable?: boolean;
  readonly replace?: string;
  readonly vendor?: StructureName;
  readonly fetch?: Hardware["fetchBits"];
  readonly fetchOrder?: Hardware["fetchOrder"];
  readonly without?: readonly string[];
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** A comparison has no side that is wrong: what ways break is what it is asked for. */
export async function runReplace(flags: ReplaceFlags, session: Session): Promise<0> {
  const hardware: Hardware = {
    ...(flags.fetch !== undefined && { fetchBits: flags.fetch }),
    ...(flags.fetchOrder !== undefined && { fetchOrder: flags.fetchOrder }),
  };
  const names = structuresOf(flags);
  const features: StreamFeatures = {
    overrides: flags.without?.includes("overrides") !== true,
    stalls: flags.without?.includes("stalls") !== true,
  };
  if (flags.without !== undefined && !names.includes("smmuv3"))
    throw new AskedWrongly("--without names what an SMMUv3 lacks: ask for it with --vendor smmuv3");
  return flags.replace === undefined
    ? all(names, features, hardware, flags, session)
    : one(flags.replace, names, features, hardware, flags, session);
}

/** The structure that was named, with those of the same unit. */
function structuresOf({ vendor, replace }: ReplaceFlags): readonly StructureName[] {
  if (vendor === undefined) return structureNames;
  const isOpened = replace !== undefined;
  return structureNames.filter((name) => name === vendor || (!isOpened && name.startsWith(`${vendor}-`)));
}

async function all(
  names: readonly StructureName[],
  features: StreamFeatures,
  hardware: Hardware,
  flags: ReplaceFlags,
  session: Session,
): Promise<0> {
  const tables = [];
  for (const [n, name] of names.entries()) {
    const table = await session.during(`replacing ${name}`, (progress) =>
      replaceTable(name, entryOfStructure(name, features), hardware, (done, of) =>
        progress.at((n + done / of) / names.length),
      ),
    );
    tables.push(table);
  }
  if (flags.markdown === true) session.print([hitlessMarkdown(tables)]);
  else if (flags.json === true) session.json(replaceDocument(tables));
  else session.say(replaceTableLines(tables, session.screen));
  return 0;
}

async function one(
  asked: string,
  names: readonly StructureName[],
  features: StreamFeatures,
  hardware: Hardware,
  flags: ReplaceFlags,
  session: Session,
): Promise<0> {
  const kinds = asked.split(",");
  const [from, to] = kinds;
  if (kinds.length !== 2 || from === undefined || to === undefined)
    throw new AskedWrongly(`--replace takes two kinds, FROM,TO, as in --replace ss,fs; this is ${asked}`);
  const structure = names.find((name) => {
    const has = entryOfStructure(name, features).kinds;
    return from in has && to in has;
  });
  if (structure === undefined) throw new AskedWrongly(unknown(kinds, names, features));
  const of = entryOfStructure(structure, features);
  const pair = await session.during(`replacing ${from} by ${to}`, () => pairOf(of, from, to, hardware));
  const fetchBits = Math.min(hardware.fetchBits ?? of.widths.fetch, of.format.about.bitCount);
  const fetchOrder = hardware.fetchOrder ?? of.fetchOrder;
  if (flags.markdown === true) session.print([replacementMarkdown({ structure, of, pair, fetchBits, fetchOrder })]);
  else if (flags.json === true)
    session.json(replaceDocument([{ structure, of, fetchBits, fetchOrder, pairs: [pair] }]));
  else session.say(replacementLines({ structure, of, pair, fetchBits, fetchOrder }, session.screen));
  return 0;
}

function unknown(kinds: readonly string[], names: readonly StructureName[], features: StreamFeatures): string {
  const lists = names.map((name) => [name, Object.keys(entryOfStructure(name, features).kinds)] as const);
  const every = [...new Set(lists.flatMap(([, list]) => list))];
  const strange = kinds.find((kind) => !every.includes(kind));
  const has = lists.map(([name, list]) => `${name}: ${list.join(", ")}`).join("; ");
  const what = strange === undefined ? `no structure has both ${kinds.join(" and ")}` : `no kind ${strange}`;
  const meant = strange === undefined ? "" : didYouMean(strange, every);
  return `${what}${meant}; there are ${has}`;
}
