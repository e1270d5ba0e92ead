/** Tables are pages too: one that is unlinked may still be where a unit begins its walks. Source: VT-d 4.1, 6.2.4, 6.5.2.3. */

import type { LifetimeBugs } from "./bugs.js";
import { iotlbPages } from "./flushes.js";
import type { ProtocolStep } from "./protocol.js";
import { ask, awaited, change, flushed, release } from "./steps.js";

export interface Unlinking {
  readonly bugs: LifetimeBugs;
  /** The table's page, and the entry that leads to it. */
  readonly page: number;
  readonly entryAt: number;
  /** A frame that it translates. */
  readonly frame: number;
  readonly did: number;
}

/** A table that translates nothing any more goes. */
export function unlinkTable({ bugs, page, entryAt, frame, did }: Unlinking): readonly ProtocolStep[] {
  const unlink = change("unlink the table", ({ memory, book }) => {
    memory.store(entryAt, [0, 0]);
    book.unmap(page);
  });
  const told = [ask({ name: "ask", descriptors: [iotlbPages({ did, frame })] }), awaited];
  const back = release({ page, keeps: "nothing" });
  if (bugs.has("kernel-tables-not-told")) return [unlink, back];
  if (bugs.has("table-freed-before-flush")) return [unlink, back, ...told, flushed(page)];
  return [unlink, ...told, flushed(page), back];
}
