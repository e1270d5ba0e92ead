/**
 * The end of waiting: what no event explained is a broken rule, is about a mapping from before the recording, or waits
 * for the end of an older mapping.
 */
import { plural } from "../../base/count_words.js";
import { hex } from "../../base/hex.js";
import type { Gone } from "./gone.js";
import { MappingKind, Reach } from "./mappings.js";
import type { Over } from "./pending.js";
import { mayWrite } from "./shareable.js";
import { type AuditState, windowMicroseconds } from "./state.js";
import { Suspicion } from "./waiting.js";
import { directionName, seconds } from "./words.js";

/** Let a suspicion wait; the oldest is judged early when too many wait. @returns its index in `waiting`. */
export function suspect(
  state: AuditState,
  what: Suspicion,
  device: number,
  address: number,
  size: number,
  direction: number,
  time: number,
): number {
  if (state.waiting.full) judgeOldest(state);
  return state.waiting.add(what, device, address, size, direction, time);
}

/** Judge everything that has waited long enough at `now`. */
export function judgeDue(state: AuditState, now: number): void {
  const { waiting } = state;
  while (waiting.count > 0 && waiting.time[waiting.oldest]! + windowMicroseconds < now) judgeOldest(state);
}

export function judgeOldest(state: AuditState): void {
  const i = state.waiting.oldest;
  if (!state.waiting.shift()) return;
  switch (state.waiting.what[i]) {
    case Suspicion.mapOverLive:
      judgePair(state, i, "map-over-live");
      break;
    case Suspicion.overlap:
      judgePair(state, i, "overlap");
      break;
    case Suspicion.overlapCacheLine:
      judgePair(state, i, "overlap-cache-line");
      break;
    default:
      judgeUnmap(state, i);
  }
}

/**
 * Two mappings that should not be alive at once: the older one's end was not written late. Whether it was never written
 * or is still to come, only a later event of it can show.
 */
function judgePair(state: AuditState, i: number, rule: Over["rule"]): void {
  const { waiting, live } = state;
  const other = waiting.other[i]!,
    time = waiting.time[i]!;
  if (live.serial[other]! !== waiting.otherSerial[i]! || live.time[other]! <= state.lostAt) return;
  const again = waiting.again[i] === 1;
  if (again && live.again[other] === 0) return;
  if (rule === "map-over-live" || (again && live.reach[other] !== Reach.direct)) live.reused[other] = 1;
  if (!again || mayWrite(live.direction[other]!, live.attrs[other]!)) {
    const device = waiting.device[i]!;
    state.pending.add(other, live.serial[other]!, { rule, device, time }, () => bothInWords(state, i, other));
  }
}

function bothInWords(state: AuditState, i: number, other: number): string {
  const { address, phys, size, direction, device, time } = state.waiting;
  return (
    `${directionName(direction[i]!)} mapping of ${size[i]!} bytes at ${hex(address[i]!)} (physical ` +
    `${hex(phys[i]!)}) of ` +
    `${state.deviceName(device[i]!)}, mapped at ${seconds(time[i]!)}, while this one was alive: ${state.describe(other)}`
  );
}

/** An unmap of nothing that is alive. */
function judgeUnmap(state: AuditState, i: number): void {
  const { waiting } = state;
  const device = waiting.device[i]!,
    address = waiting.address[i]!,
    time = waiting.time[i]!;
  const list = waiting.what[i] === Suspicion.unmapList;
  const gone = list ? state.goneLists : state.gone;
  const g = gone.find(device, address);
  if (g === -1 || gone.unmappedAt[g]! <= state.lostAt || gone.unmappedAt[g]! > time) {
    fromBefore(state, i);
    return;
  }
  state.broken("double-unmap", device, time, () =>
    twice(gone, g, list, `${hex(address)} of ${state.deviceName(device)}`, time),
  );
}

/** The mapping was made before the recording: its class has one fewer, all the same. */
function fromBefore(state: AuditState, i: number): void {
  const { waiting, population } = state;
  state.before++;
  state.recorded.stranger(waiting.device[i]!, waiting.time[i]!);
  const device = waiting.device[i]!,
    direction = waiting.direction[i]!;
  if (waiting.what[i] === Suspicion.unmapList) {
    state.listBefore(device, direction);
    return;
  }
  const kind = waiting.what[i] === Suspicion.free ? MappingKind.coherent : MappingKind.single;
  const group = population.classOf(device, kind, waiting.size[i]!, direction, waiting.attrs[i]!);
  if (group !== -1) population.endedFromBefore(group, waiting.time[i]!);
}

function twice(gone: Gone, g: number, list: boolean, where: string, time: number): string {
  const size = gone.size[g]!;
  const what = list
    ? `list of ${plural(size, "entry", "entries")} whose first physical address is`
    : `mapping of ${plural(size, "byte")} at`;
  return (
    `the ${directionName(gone.direction[g]!)} ${what} ${where}, mapped at ${seconds(gone.mappedAt[g]!)} and ` +
    `unmapped at ` +
    `${seconds(gone.unmappedAt[g]!)}, was unmapped again at ${seconds(time)}, and was not mapped in between`
  );
}
