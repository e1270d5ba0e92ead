/** Page tables of four levels in the memory of a unit whose entry is replaced. */
import { frameBytes } from "../../../base/frame.js";
import type { Memory } from "../../../mem/memory.js";
import { type FormatName, Mapper } from "../../../table/index.js";
import { byteOf } from "../ground.js";
import { written } from "./unit.js";

/** Frames of the memory of such a unit. */
export const flightFrames = 128;

type Leads = readonly (readonly [frame: number, to: number])[];

/** @param from frames from this one on become tables below the top ones */
export function mapped(memory: Memory, from: number) {
  let next = from;
  return (format: FormatName, top: number, upper: "zero" | "sign", leads: Leads): void => {
    const root = { format, address: byteOf(top), level: 3, inputBits: 48, outputBits: 46, allow: 3, upper } as const;
    const mapper = new Mapper(memory, root, () => next++);
    for (const [frame, to] of leads) mapper.map(byteOf(frame), byteOf(to), frameBytes, 3);
  };
}

/** A second stage that leads all but the frame that is written to itself: tables of the first stage are found through it. */
export const throughItself = (page: number): Leads =>
  Array.from({ length: flightFrames }, (_, n) => [n, n === written.apart ? page : n] as const);
