/**
 * Syncs: dma_sync_single_* and dma_sync_sg_*.
 *
 * A sync may name any part of a mapping. Which directions agree is the table of Linux kernel/dma/debug.c
 * (check_sync): a mapping in both directions takes any sync, the others only their own.
 */
import { plural } from "../../base/count_words.js";
import { hex } from "../../base/hex.js";
import { type EventBatch, failedAddress } from "../../read/event.js";
import { Direction } from "../../spec/dma/direction.js";
import { MappingKind } from "./mappings.js";
import type { AuditState } from "./state.js";
import { directionName, seconds } from "./words.js";

export function syncSingle(state: AuditState, batch: EventBatch, i: number, forCpu: boolean): void {
  state.syncs++;
  state.recorded.mustUnmap(batch.device[i]!);
  sync(state, batch.device[i]!, batch.dma[i]!, batch.size[i]!, batch.direction[i]!, forCpu, batch.time[i]!);
}

export function syncList(state: AuditState, batch: EventBatch, i: number, forCpu: boolean): void {
  state.syncs++;
  state.recorded.mustUnmap(batch.device[i]!);
  const device = batch.device[i]!,
    direction = batch.direction[i]!,
    time = batch.time[i]!;
  const from = batch.dmaFirst[i]!,
    count = batch.dmaCount[i]!;
  for (let k = from; k < from + count; k++) {
    sync(state, device, batch.listDma[k]!, batch.listSize[k]!, direction, forCpu, time);
  }
  if (count > 0) checkEntries(state, device, batch.listDma[from]!, count, time);
}

function sync(
  state: AuditState,
  device: number,
  dma: number,
  size: number,
  direction: number,
  forCpu: boolean,
  time: number,
): void {
  const { live } = state;
  if (dma === failedAddress) {
    state.broken(
      "sync-error-value",
      device,
      time,
      () => `${plural(size, "byte")}, ${directionName(direction)}, synced at ${seconds(time)}`,
    );
    return;
  }
  if (Number.isNaN(dma)) return;
  const m = live.holding(device, dma, size, direction);
  if (m === -1) {
    syncOfNothing(state, device, dma, size, time);
    return;
  }
  if (live.time[m]! <= state.lostAt) return;
  const said = (): string =>
    `${state.describe(m)}; ${plural(size, "byte")} at ${hex(dma)} synced ` +
    `${forCpu ? "for the CPU" : "for the device"} as ${directionName(direction)} at ${seconds(time)}`;
  if (dma + size > live.dma[m]! + live.size[m]!) state.broken("sync-outside", device, time, said);
  const mapped = live.direction[m]!;
  if (mapped === Direction.bidirectional || mapped === direction) return;
  if (forCpu && mapped === Direction.toDevice) state.broken("sync-for-cpu", device, time, said);
  else if (!forCpu && mapped === Direction.fromDevice) state.broken("sync-for-device", device, time, said);
  else state.broken("sync-direction", device, time, said);
}

/** Known to be unmapped: a broken rule. Never seen mapped: probably mapped before the recording. */
function syncOfNothing(state: AuditState, device: number, dma: number, size: number, time: number): void {
  const { gone } = state,
    g = gone.find(device, dma);
  if (g === -1 || gone.unmappedAt[g]! <= state.lostAt) {
    state.before++;
    state.recorded.stranger(device, time);
    return;
  }
  state.broken("sync-unmapped", device, time, () => {
    const what =
      `${directionName(gone.direction[g]!)} mapping of ${gone.size[g]!} bytes at ${hex(dma)} of ` +
      `${state.deviceName(device)}`;
    return (
      `the ${what}, mapped at ${seconds(gone.mappedAt[g]!)} and unmapped at ` +
      `${seconds(gone.unmappedAt[g]!)}, was synced (${plural(size, "byte")}) at ${seconds(time)}`
    );
  });
}

/** A list must be synced with as many entries as it was mapped with; one whose pieces were joined is not judged. */
function checkEntries(state: AuditState, device: number, dma: number, count: number, time: number): void {
  const { live } = state,
    m = live.holding(device, dma, 1, Direction.none);
  if (m === -1 || live.kind[m]! !== MappingKind.list || live.entries[m]! === 0 || live.dma[m]! !== dma) return;
  let shown = 0;
  for (let e = m; e !== -1; e = live.nextInList[e]!) shown++;
  if (shown !== live.entries[m]! || live.entries[m]! === count || live.time[m]! <= state.lostAt) return;
  state.broken(
    "sync-entries",
    device,
    time,
    () =>
      `list of ${shown} entries, beginning with this: ${state.describe(m)}; synced with ${count} at ${seconds(time)}`,
  );
}
