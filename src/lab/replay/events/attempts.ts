/** Searches of one task as lists: each of one device and code, up to where it begins again with the same buffer. */
import { failedAddress } from "../../../read/event.js";
import type { Mappings } from "../contracts/mappings.js";

export function attemptsOf(maps: Mappings, searches: readonly number[]): number[][] {
  if (searches.length === 0) return [];
  const found = split(maps, searches);
  for (let k = 1; k < found.length; k++) {
    if (!isSameBuffer(maps, found[k]![0]!, found[k - 1]![0]!)) continue;
    for (const m of found[k - 1]!) maps.retried[m] = 1;
    for (const m of found[k]!) maps.retried[m] = 1;
  }
  return found;
}

function split(maps: Mappings, searches: readonly number[]): number[][] {
  const { context, device, answer } = maps;
  const found: number[][] = [];
  const open = new Map<number, number[]>();
  const before = new Map<number, number[]>();
  const begin = (m: number, attempt: number[]) => {
    const last = open.get(context[m]!);
    if (last !== undefined) before.set(context[m]!, last);
    open.set(context[m]!, attempt);
    found.push(attempt);
  };
  for (const m of searches) {
    const attempt = open.get(context[m]!);
    const first = attempt?.[0];
    const isOver = attempt !== undefined && answer[attempt.at(-1)!] === failedAddress;
    if (
      attempt === undefined ||
      first === undefined ||
      device[first] !== device[m] ||
      isOver ||
      isSameBuffer(maps, first, m)
    ) {
      begin(m, [m]);
      continue;
    }
    // Beyond what the tries of its own list came to, a buffer that is asked for again began another list.
    const usual = before.get(context[m]!);
    const next = usual === undefined || !isSameBuffer(maps, usual[0]!, first) ? undefined : attempt[usual.length];
    if (next === undefined || !isSameBuffer(maps, next, m)) {
      attempt.push(m);
      continue;
    }
    begin(next, attempt.splice(usual!.length));
    begin(m, [m]);
  }
  return found;
}

const isSameBuffer = ({ device, context, orig, size }: Mappings, a: number, b: number): boolean =>
  device[a] === device[b] && context[a] === context[b] && orig[a] === orig[b] && size[a] === size[b];
