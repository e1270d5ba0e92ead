/**
 * Where a guest's memory lies in its host's: never at its own addresses, so that a stage of translation that is left out, or
 * taken twice, leads elsewhere.
 *
 * A host gives 2 MiB in one piece where it can. The pieces lie in an order that is drawn, and each fourth is one that was
 * gathered page by page. Beside them are the host's own frames: below, where a PC has what is no memory, and above.
 */
import type { Choose } from "../../../base/rng.js";

/** Frames of a piece. */
export const pieceFrames = 512;
const gatheredEach = 4;

export interface GuestPlaces {
  /** The host's frame of each of the guest's. */
  readonly places: Uint32Array;
  /** Frames from this one on are the host's own. */
  readonly end: number;
}

/** @param frames of the guest */
export function placesOf(frames: number, choose: Choose): GuestPlaces {
  const count = Math.ceil(frames / pieceFrames);
  const pieces = cycle(count, choose);
  const places = Uint32Array.from({ length: frames }, (_, n) => {
    const piece = Math.floor(n / pieceFrames);
    const inside = n % pieceFrames;
    const at = piece % gatheredEach === gatheredEach - 1 ? pieceFrames - 1 - inside : inside;
    return pieces[piece]! * pieceFrames + at;
  });
  return { places, end: (count + 1) * pieceFrames };
}

/** Of numbers 0 to count - 1, each led to one of 1 to count, none to itself: from one to the next along a drawn order. */
function cycle(count: number, choose: Choose): number[] {
  const order = [0];
  for (let n = 1; n < count; n++) {
    const at = 1 + choose(order.length);
    order.splice(at, 0, n);
  }
  const to: number[] = [];
  for (const [n, from] of order.entries()) to[from] = order[n + 1] ?? count;
  return to;
}
