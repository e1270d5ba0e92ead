/**
 * Refusals as records of the event queue.
 *
 * Source: IHI 0070 G, 7.3: which fields each event has. What an event does not have is zero.
 */

import { frameBytes } from "../../../base/frame.js";
import { u64High, u64Low } from "../../../base/u64.js";
import { write } from "../../../bits/field.js";
import { EventRecord as E } from "../../../spec/smmuv3/event_record.js";
import type { DmaRequest } from "../core/request.js";

/** Event numbers that this unit gives. */
export const Event = {
  badStream: 0x02,
  entryFetch: 0x03,
  badEntry: 0x04,
  badTranslationRequest: 0x05,
  streamDisabled: 0x06,
  translatedForbidden: 0x07,
  badSubstream: 0x08,
  contextFetch: 0x09,
  badContext: 0x0a,
  walkAbort: 0x0b,
  translation: 0x10,
  addressSize: 0x11,
  access: 0x12,
  permission: 0x13,
} as const;

/** CLASS: what was being done. */
export const During = { context: 0, table: 1, input: 2 } as const;

export interface EventFacts {
  readonly code: number;
  readonly request: DmaRequest;
  /** Of faults of page tables. */
  readonly second: boolean;
  readonly during: (typeof During)[keyof typeof During];
  readonly privileged: boolean;
  readonly stalls: boolean;
  readonly tag: number;
  /** The intermediate address, or where it was fetched from. */
  readonly other: number;
}

/** A record of 8 words. */
export function eventWords(f: EventFacts): Uint32Array {
  const w = new Uint32Array(8);
  const { code, request } = f;
  write(w, 0, E.id, code & 0xff);
  write(w, 0, E.sid, request.requester >>> 0);
  if (request.pasid !== null && code !== Event.streamDisabled && code !== Event.translatedForbidden) {
    if (code !== Event.badSubstream) write(w, 0, E.ssv, 1);
    write(w, 0, E.ssid, request.pasid % 2 ** 20);
  }
  if (code === Event.entryFetch || code === Event.contextFetch) putOther(w, f.other - (f.other % 8));
  if (code === Event.badTranslationRequest || code === Event.translatedForbidden) putInput(w, request);
  if (code === Event.translatedForbidden) write(w, 0, E.rnw, request.write ? 0 : 1);
  if (code < Event.walkAbort) return w;
  putInput(w, request);
  write(w, 0, E.rnw, request.write ? 0 : 1);
  write(w, 0, E.pnu, f.privileged ? 1 : 0);
  write(w, 0, E.s2, f.second ? 1 : 0);
  write(w, 0, E.cls, f.during);
  if (f.stalls) {
    write(w, 0, E.stall, 1);
    write(w, 0, E.stag, f.tag);
  }
  if (code === Event.walkAbort) putOther(w, f.other - (f.other % 8));
  else if (f.second) putOther(w, f.other - (f.other % frameBytes));
  return w;
}

function putInput(w: Uint32Array, { frame, offset }: DmaRequest): void {
  write(w, 0, E.inputLow, (frame % 2 ** 20) * frameBytes + offset);
  write(w, 0, E.inputHigh, u64Low(Math.floor(frame / 2 ** 20)));
}

function putOther(w: Uint32Array, address: number): void {
  write(w, 0, E.otherLow, u64Low(address));
  write(w, 0, E.otherHigh, u64High(address));
}
