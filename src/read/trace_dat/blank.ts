/** A whole batch at its absent values at once: far cheaper than event by event. */
import { Context, type EventBatch, EventKind, unknownDirection } from "../event.js";

/** Clear the batch, and set every column of every event as `EventBatch.blank` does; lists begin at 0. */
export function blankAll(batch: EventBatch): void {
  batch.clear();
  batch.kind.fill(EventKind.other);
  batch.task.fill(-1);
  batch.context.fill(Context.unknown);
  batch.device.fill(-1);
  batch.direction.fill(unknownDirection);
  for (const column of [batch.dma, batch.phys, batch.size, batch.mask]) column.fill(Number.NaN);
  for (const column of [batch.attrs, batch.forced, batch.dmaFirst, batch.dmaCount]) column.fill(0);
  for (const column of [batch.physFirst, batch.physCount, batch.physTotal]) column.fill(0);
}
