/** What the DMA API did for one device, in numbers. */
import type { Cause, Mapped } from "../engine/index.js";

export class Counts {
  maps = 0;
  unmaps = 0;
  bounced = 0;
  foreign = 0;
  failed = 0;
  syncs = 0;
  /** Syncs that a coherent device needs none of as long as nothing of it ever bounced. */
  syncsSkipped = 0;
  allocations = 0;
  frees = 0;
  bytes = 0;
  readonly causes = new Map<Cause, number>();

  mapped(m: Mapped, size: number): void {
    this.maps++;
    this.causes.set(m.cause, (this.causes.get(m.cause) ?? 0) + 1);
    if (m.refused !== null) this.failed++;
    else this.bytes += size;
    if (m.bounced) this.bounced++;
    if (m.foreign) this.foreign++;
  }
}
