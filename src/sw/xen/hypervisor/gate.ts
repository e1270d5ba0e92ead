/**
 * A second set of books over who may touch which frame, and the check of every access against it.
 *
 * It shares nothing with the tables that decide: it hears of the effects of hypercalls (a frame given, a grant mapped,
 * a page that its owner believes free of users), reads grant entries by itself, and never refuses; what should not have
 * happened is written down.
 */

import { frameLg2 } from "../../../base/frame.js";
import { hexDigits } from "../../../base/hex.js";
import type { Memory } from "../../../mem/memory.js";
import type { FrameWatch, GrantEffect } from "./frame_watch.js";
import { type EntryPlace, grants, saysReadOnly } from "./gate_reading.js";

export interface AccessViolation {
  /** Who accessed: the domain, and the device when it was one. */
  readonly domain: number;
  readonly requester: number | null;
  readonly access: "read" | "write";
  readonly by: "cpu" | "device" | "copy" | "map";
  readonly frame: number;
  readonly owner: number;
  readonly why: "no mapping" | "read only" | "frame is free" | "after revocation" | "not granted" | "no such frame";
  /** The how-manyeth checked access it was. */
  readonly at: number;
}

/** Mappings of one frame by one domain, as the effects of hypercalls add up. */
interface Foreign {
  readonly mapper: number;
  hostRead: number;
  hostWrite: number;
  deviceRead: number;
  deviceWrite: number;
  /** The owner believes that nobody uses the frame. */
  revoked: boolean;
}

const keptMax = 256;
const nobody = -1;

export class AccessGate implements FrameWatch {
  /** The first of them. */
  readonly violations: AccessViolation[] = [];
  violationCount = 0;
  checkedCount = 0;
  readonly #owner: Int32Array;
  readonly #foreign = new Map<number, Foreign[]>();
  readonly #memory: Memory;

  /** @param memory of the machine: entries are read in it */
  constructor(memory: Memory) {
    this.#memory = memory;
    this.#owner = new Int32Array(memory.frameCount).fill(nobody);
  }

  given(frame: number, domain: number): void {
    this.#owner[frame] = domain;
  }

  freed(frame: number): void {
    this.#owner[frame] = nobody;
  }

  ownerOf(frame: number): number {
    return this.#owner[frame] ?? nobody;
  }

  /** The entry must grant it now, unless the mapper holds the frame already. */
  mapped(e: GrantEffect, entry: EntryPlace): void {
    const held = this.#find(e.frame, e.mapper);
    const known = held !== undefined && !held.revoked && (e.readOnly || this.#mayWrite(held, entry));
    const { offset = -1, length = 0 } = e;
    const wanted = { to: e.mapper, frame: e.frame, write: !e.readOnly, offset, length };
    if (!known && !grants(this.#memory, entry, wanted)) {
      this.#violate({ ...seen(e), by: "map", why: "not granted", access: e.readOnly ? "read" : "write" });
    }
    const f = held ?? this.#add(e.frame, e.mapper);
    f.revoked = false;
    this.#count(f, e, 1);
  }

  unmapped(e: GrantEffect): void {
    const f = this.#find(e.frame, e.mapper);
    if (f === undefined) return;
    this.#count(f, e, -1);
    if (f.hostRead + f.hostWrite + f.deviceRead + f.deviceWrite > 0) return;
    const all = this.#foreign.get(e.frame)!.filter((other) => other !== f);
    if (all.length === 0) this.#foreign.delete(e.frame);
    else this.#foreign.set(e.frame, all);
  }

  revoked(frame: number): void {
    for (const f of this.#foreign.get(frame) ?? []) f.revoked = true;
  }

  /** Mappings that are alive: what must be zero after a run. */
  get foreignCount(): number {
    let sum = 0;
    for (const all of this.#foreign.values()) {
      for (const f of all) sum += f.hostRead + f.hostWrite + f.deviceRead + f.deviceWrite;
    }
    return sum;
  }

  cpu(domain: number, frame: number, write: boolean): void {
    this.checkedCount++;
    if (this.#owner[frame] === domain) return;
    this.#check({ domain, requester: null, by: "cpu" }, frame, write);
  }

  device(who: { readonly domain: number; readonly requester: number }, frame: number, write: boolean): void {
    this.checkedCount++;
    if (this.#owner[frame] === who.domain) return;
    this.#check({ ...who, by: "device" }, frame, write);
  }

  copied(domain: number, frame: number, write: boolean): void {
    this.checkedCount++;
    if (this.#owner[frame] === domain) return;
    this.#check({ domain, requester: null, by: "copy" }, frame, write);
  }

  #check(who: Pick<AccessViolation, "domain" | "requester" | "by">, frame: number, write: boolean): void {
    const why = this.#refusal(who, frame, write);
    if (why === null) return;
    this.#violate({ ...who, access: write ? "write" : "read", frame, owner: this.ownerOf(frame), why });
  }

  #refusal(who: Pick<AccessViolation, "domain" | "by">, frame: number, write: boolean): AccessViolation["why"] | null {
    if (frame >= this.#owner.length) return "no such frame";
    if (this.#owner[frame] === nobody) return "frame is free";
    const f = this.#find(frame, who.domain);
    if (f === undefined) return "no mapping";
    const device = who.by === "device";
    if (f.hostRead + f.hostWrite + (device ? f.deviceRead + f.deviceWrite : 0) === 0) return "no mapping";
    if (f.revoked) return "after revocation";
    return write && f.hostWrite + (device ? f.deviceWrite : 0) === 0 ? "read only" : null;
  }

  /** From a pin on the frame is settled; of the entry only its read-only flag still counts. */
  #mayWrite(held: Foreign, entry: EntryPlace): boolean {
    return held.hostWrite + held.deviceWrite > 0 || !saysReadOnly(this.#memory, entry);
  }

  #find(frame: number, mapper: number): Foreign | undefined {
    return this.#foreign.get(frame)?.find((f) => f.mapper === mapper);
  }

  #add(frame: number, mapper: number): Foreign {
    const f = { mapper, hostRead: 0, hostWrite: 0, deviceRead: 0, deviceWrite: 0, revoked: false };
    const all = this.#foreign.get(frame);
    if (all === undefined) this.#foreign.set(frame, [f]);
    else all.push(f);
    return f;
  }

  #count(f: Foreign, e: GrantEffect, by: 1 | -1): void {
    if (e.host) f[e.readOnly ? "hostRead" : "hostWrite"] += by;
    if (e.device) f[e.readOnly ? "deviceRead" : "deviceWrite"] += by;
  }

  #violate(v: Omit<AccessViolation, "at">): void {
    this.violationCount++;
    if (this.violations.length < keptMax) this.violations.push({ ...v, at: this.checkedCount });
  }
}

const seen = (e: GrantEffect) => ({ domain: e.mapper, requester: null, frame: e.frame, owner: e.granter });

/** One line for a report. */
export function violationText(v: AccessViolation): string {
  const who = v.requester === null ? `domain ${v.domain}` : `device ${hexDigits(v.requester)} for domain ${v.domain}`;
  const frame = hexDigits(v.frame * 2 ** frameLg2);
  return `${who}: ${v.by} ${v.access} of the frame at 0x${frame} (domain ${v.owner}'s): ${v.why}`;
}
