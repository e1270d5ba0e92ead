/**
 * SMMUv3: what a stream table entry decides.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, section 5.2. An illegal entry counts as one with V = 0.
 */
import { hex } from "../../base/hex.js";
import { read } from "../../bits/field.js";
import { DefaultSubstream, StreamEntry as Ste, StreamConfig } from "../../spec/smmuv3/stream_table.js";
import type { TableRoot } from "../root.js";
import type { Attachment } from "./attachment.js";
import type { LookupEnd, Path } from "./entry.js";
import { made, type Whose } from "./made.js";
import { illegalStream } from "./smmuv3_illegal.js";
import { secondStage } from "./smmuv3_tables.js";

const Event = { badEntry: 0x04, streamDisabled: 0x06, badSubstream: 0x08 };

/** An entry whose first stage translates: context descriptors come next. */
export interface FirstStageStream {
  readonly words: Uint32Array;
  readonly second: TableRoot | null;
  readonly contexts: number;
  /** 2^n descriptors; 0 = one, and no substreams. */
  readonly contextLg2: number;
  /** 0 linear, 1 leaves of 4 KiB, 2 leaves of 64 KiB. */
  readonly format: number;
  readonly ats: boolean;
  readonly privileged: boolean;
}

/** @returns the attachment that the entry alone decides, or what is needed to go on to context descriptors. */
export function decide(whose: Whose, words: Uint32Array, path: Path): Attachment | FirstStageStream | LookupEnd {
  const { unit, pasid } = whose;
  const name = () => `stream ${hex(whose.requester)}`;
  if (read(words, 0, Ste.v) === 0)
    return path.refuse("absent", Event.badEntry, `the stream table entry of ${name()} is not valid`);
  const config = read(words, 0, Ste.config);
  if (config < StreamConfig.bypass) return made(whose, path, "blocked", `STE.Config is ${config}: abort`);
  const illegal = illegalStream(unit, words, config);
  if (illegal !== null) return path.refuse("reserved", Event.badEntry, `stream table entry of ${name()}: ${illegal}`);
  const translatesFirst = (config & 1) === 1;
  if (!translatesFirst && pasid !== null) {
    return path.refuse("absent", Event.badSubstream, `${name()} has no first stage and takes no substreams`);
  }
  if (config === StreamConfig.bypass) return made(whose, path, "bypass", "STE.Config is 4: bypass");
  const stage2 = (config & 2) === 2 ? secondStage(unit, words) : null;
  if (stage2 !== null && "illegal" in stage2) {
    return path.refuse("reserved", Event.badEntry, `stream table entry of ${name()}: ${stage2.illegal}`);
  }
  if (stage2 !== null && "unread" in stage2)
    return path.refuse("limit", null, `${name()}: ${stage2.unread}, which this tool does not read`);
  const second = stage2?.root ?? null;
  const ats = read(words, 0, Ste.eats) !== 0;
  if (!translatesFirst) {
    return made(whose, path, "translated", "STE.Config is 6: second stage", secondOnly(words, second!, ats));
  }
  const stream: FirstStageStream = {
    words,
    second,
    contexts: read(words, 0, Ste.s1Context) * 64,
    contextLg2: read(words, 0, Ste.s1CdMax),
    format: read(words, 0, Ste.s1Fmt) % 3,
    ats,
    privileged: read(words, 0, Ste.privCfg) === 3 || (second === null && read(words, 0, Ste.strw) === 2),
  };
  return stream;
}

const secondOnly = (words: Uint32Array, second: TableRoot, ats: boolean) =>
  ({ domain: read(words, 0, Ste.s2Vmid), stage: "second", ats, second }) as const;

/** What a request without substream comes to when the entry has several descriptors; null = substream 0's. */
export function withoutSubstream(whose: Whose, stream: FirstStageStream, path: Path): Attachment | LookupEnd | null {
  const dss = read(stream.words, 0, Ste.s1Dss);
  if (dss === DefaultSubstream.substream0) return null;
  if (dss === DefaultSubstream.bypass) {
    const why = "STE.S1DSS is 1: requests without substream bypass the first stage";
    if (stream.second === null) return made(whose, path, "bypass", why, { ats: stream.ats });
    return made(whose, path, "translated", why, secondOnly(stream.words, stream.second, stream.ats));
  }
  return path.refuse(
    "absent",
    Event.streamDisabled,
    `STE.S1DSS is ${dss}: stream ${hex(whose.requester)} may not send requests without substream`,
  );
}

/** Substreams that requests may name: none when there is one descriptor, not 0 when that is the default's. */
export function substreamFault(whose: Whose, stream: FirstStageStream, path: Path): LookupEnd | null {
  const pasid = whose.pasid!;
  const who = `stream ${hex(whose.requester)}`;
  if (stream.contextLg2 === 0 || whose.unit.abilities?.pasidBits === 0) {
    return path.refuse("absent", Event.badSubstream, `S1CDMax is 0: ${who} may not name substreams`);
  }
  if (pasid >= 2 ** stream.contextLg2) {
    return path.refuse(
      "absent",
      Event.badSubstream,
      `substream ${hex(pasid)} is beyond the ${2 ** stream.contextLg2} of ${who}`,
    );
  }
  if (pasid === 0 && read(stream.words, 0, Ste.s1Dss) === DefaultSubstream.substream0) {
    return path.refuse("absent", Event.streamDisabled, `substream 0 of ${who} is for requests without substream`);
  }
  return null;
}
