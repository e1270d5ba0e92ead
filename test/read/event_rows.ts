/** The events of a source as rows, to compare with `textRows`. */
import { EventBatch, type EventSource } from "../../src/read/event.js";
import type { TextRow } from "./text_rows.js";

/** @param capacity of the batch: small ones end in the middle of everything. */
export function eventRows(source: EventSource, capacity = 1000): TextRow[] {
  const b = new EventBatch(capacity);
  const rows: TextRow[] = [];
  while (source.next(b)) {
    for (let i = 0; i < b.count; i++) {
      const dma = b.dmaFirst[i]!;
      const phys = b.physFirst[i]!;
      rows.push({
        kind: b.kind[i]!,
        time: b.time[i]!,
        cpu: b.cpu[i]!,
        task: source.tasks.name(b.task[i]!),
        context: b.context[i]!,
        device: source.devices.name(b.device[i]!),
        direction: b.direction[i]!,
        attrs: b.attrs[i]!,
        dma: b.dma[i]!,
        phys: b.phys[i]!,
        size: b.size[i]!,
        mask: b.mask[i]!,
        forced: b.forced[i]!,
        listDma: [...b.listDma.subarray(dma, dma + b.dmaCount[i]!)],
        listSize: [...b.listSize.subarray(dma, dma + b.dmaCount[i]!)],
        listPhys: [...b.listPhys.subarray(phys, phys + b.physCount[i]!)],
        physTotal: b.physTotal[i]!,
      });
    }
  }
  return rows;
}
