/** The tables of a machine in which one page of a guest is reached by one device with a TLB of its own. */
import { frameBytes } from "../../base/frame.js";
import { write } from "../../bits/field.js";
import type { Memory } from "../../mem/memory.js";
import { ContextEntry, TranslationType } from "../../spec/vtd/context_entry.js";
import { RootEntry } from "../../spec/vtd/root_entry.js";
import { Mapper, type TableRoot } from "../../table/index.js";

/** Frames of the machine. */
export const place = { root: 1, context: 2, queue: 3, status: 4, table: 5, pages: 16 } as const;
export const requester = 0x18;
export const did = 1;
/** The guest's frame. */
export const guestFrame = 5;
export const guest = 1;
export const other = 2;

/** @returns where the entry of the guest's page stands */
export function buildTables(memory: Memory): number {
  for (const frame of Object.values(place)) memory.store32(frame * frameBytes, 0);
  const root = new Uint32Array(4);
  write(root, 0, RootEntry.p, 1);
  write(root, 0, RootEntry.frame, place.context as never);
  memory.store(place.root * frameBytes, root);
  const context = new Uint32Array(4);
  write(context, 0, ContextEntry.p, 1);
  write(context, 0, ContextEntry.tt, TranslationType.translateAndAts);
  write(context, 0, ContextEntry.frame, place.table as never);
  write(context, 0, ContextEntry.aw, 2);
  write(context, 0, ContextEntry.did, did);
  memory.store(place.context * frameBytes + requester * 16, context);
  const table: TableRoot = {
    ...{ format: "vtd-ss", address: place.table * frameBytes, level: 3, inputBits: 48, upper: "zero" },
    ...{ outputBits: 46, allow: 3 },
  };
  let next: number = place.table + 1;
  const mapper = new Mapper(memory, table, () => {
    memory.store32(next * frameBytes, 0);
    return next++;
  });
  mapper.map(guestFrame * frameBytes, place.pages * frameBytes, frameBytes, 3);
  return mapper.tables.at(-1)! * frameBytes + guestFrame * 8;
}
