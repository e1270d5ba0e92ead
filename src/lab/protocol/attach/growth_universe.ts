/**
 * A table grows a level while another processor unmaps by what software has noted of it: root and levels, which belong together.
 *
 * Source: Linux drivers/iommu/amd/io_pgtable.c before generic_pt (increase_address_space, fetch_pte; CVE-2025-39961).
 */
import { frameBytes } from "../../../base/frame.js";
import type { Universe } from "../../../check/universe.js";
import { cell, type Live, record } from "../../../state/index.js";
import type { AttachBugs } from "../../../sw/iommu/group/bugs.js";
import { iotlbPages } from "../../../sw/iommu/lifetime/flushes.js";
import { ask, awaited, change, flushed, release } from "../../../sw/iommu/lifetime/steps.js";
import type { BuiltMachine } from "../machine.js";
import { frame, machine, plain, shown } from "./shown.js";

/** Frame of the table on top of the others. */
const higher = 12;
const levels = 3;

const noteDrafts = {
  root: cell("frame of the top table"),
  levels: cell("how many there are"),
} as const;
type Note = Live<typeof noteDrafts>;

/** Byte address of the entry of the frame, by a root and its levels; 0 where a table on the way is missing. */
function leafOf({ memory }: BuiltMachine, { root, levels: count }: Note): number {
  let table = root * frameBytes;
  for (let level = count - 1; level > 0; level--) {
    const entry = memory.load32(table + (Math.floor(frame / 512 ** level) % 512) * 8);
    if ((entry & 3) === 0) return 0;
    table = entry - (entry % frameBytes);
  }
  return table + (frame % 512) * 8;
}

export const growBesideUnmap = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1], [plain]), rule: "I1", isTaken: true },
    protocols(m) {
      const note = m.state.place(record("what is noted of the tables", noteDrafts));
      const seen = m.state.place(record("what the other processor has read of it", noteDrafts));
      const { top } = m.domains[0]!;
      note.root = top;
      note.levels = levels;
      m.memory.store(higher * frameBytes, [top * frameBytes + 3, 0]);
      const { page } = m.site(0, frame);
      const grows = [
        change("note the new root", () => (note.root = higher)),
        change("note its levels", () => (note.levels = levels + 1)),
      ];
      const grown = change("note the new root with its levels", () => {
        note.root = higher;
        note.levels = levels + 1;
      });
      const reads = [
        change("read the root", () => (seen.root = note.root)),
        change("read the levels", () => (seen.levels = note.levels)),
      ];
      const read = change("read the root with its levels", () => {
        seen.root = note.root;
        seen.levels = note.levels;
      });
      const isApart = bugs.has("root-and-levels-apart");
      const clear = change("clear the entry that is found", ({ memory, book }) => {
        const leaf = leafOf(m, seen);
        if (leaf > 0) memory.store(leaf, [0, 0]);
        book.unmap(page);
      });
      return [
        { name: "who maps", steps: isApart ? grows : [grown] },
        {
          name: "who unmaps",
          steps: [
            ...(isApart ? reads : [read]),
            clear,
            ask({ name: "tell of the page", descriptors: [iotlbPages({ did: 1, frame })] }),
            awaited,
            flushed(page),
            release({ page, keeps: "nothing" }),
          ],
        },
      ];
    },
  });
