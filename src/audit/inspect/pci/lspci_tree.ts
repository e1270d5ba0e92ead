/**
 * Buses below bridges from the text of `lspci -t`, which draws them:
 *
 *     -[0000:00]-+-00.0
 *                +-01.0-[01-02]--+-00.0
 *                |               \-00.1
 *                \-1f.3
 *
 * What stands in one column is on one bus.
 */

import { devicesMax, nothingKnown, type PciDevice } from "./device.js";
import { hasTree } from "./pasted.js";

const bus = /\[(?:([0-9a-f]{4,8}):)?([0-9a-f]{2})(?:-([0-9a-f]{2}))?\]/y;
const slot = /([0-9a-f]{2})\.([0-7])(?=[-\s]|$)/y;

interface Open {
  readonly segment: number;
  readonly bus: number;
}

/** Bridges with their buses, and every function that is drawn. */
export function fromTree(lines: readonly string[]): PciDevice[] {
  const found = new Map<string, PciDevice>();
  let segment = 0;
  let columns = new Map<number, Open>();
  for (const line of lines) {
    if (!hasTree([line])) continue;
    let open: Open | null = null;
    let above: PciDevice | null = null;
    for (let at = 0; at < line.length && found.size < devicesMax; ) {
      bus.lastIndex = at;
      slot.lastIndex = at;
      const below = bus.exec(line);
      const device = below === null && /[-+\\`]/.test(line[at - 1] ?? "") ? slot.exec(line) : null;
      if (below !== null) {
        if (below[1] !== undefined) {
          segment = Number.parseInt(below[1], 16);
          columns = new Map();
        }
        const secondary = Number.parseInt(below[2]!, 16);
        open = { segment, bus: secondary };
        if (above !== null) {
          const subordinate = below[3] === undefined ? secondary : Number.parseInt(below[3], 16);
          found.set(keyOf(above), { ...above, buses: { secondary, subordinate } });
        }
        at = bus.lastIndex;
      } else if (device !== null) {
        if (open !== null) columns.set(at, open);
        const on = columns.get(at);
        if (on === undefined) break;
        const devfn = (Number.parseInt(device[1]!, 16) << 3) | Number(device[2]);
        above = { ...nothingKnown, segment: on.segment, requester: (on.bus << 8) | devfn };
        found.set(keyOf(above), above);
        open = null;
        at = slot.lastIndex;
        // `-tv` writes what a device is behind it.
        if (line[at] === " ") break;
      } else at++;
    }
  }
  return [...found.values()];
}

const keyOf = ({ segment, requester }: PciDevice) => `${segment} ${requester}`;
