/** The list of a unit's devices, and single lookups in the same form: what a list holds is what lookups give. */
import type { Attachment, UnitRoot } from "../../../src/table/device/attachment.js";
import { deviceTables } from "../../../src/table/device/index.js";
import { Troubles } from "../../../src/table/trouble.js";
import { type Built, lookup } from "./built.js";

/** One device, or one PASID of it. `at`: the entry that was read last. */
export type Row = Pick<Attachment, "requester" | "pasid" | "state" | "why"> & { readonly at: number | undefined };

/** Beyond the memory that tests build in. */
export const nowhere = 2 ** 30;

const rowOf = (a: Attachment): Row => ({
  ...{ requester: a.requester, pasid: a.pasid, state: a.state, why: a.why },
  at: a.entries.at(-1)?.at,
});

/** One lookup as a row: that of the attachment, or of a device that is blocked because its entry is refused. */
export function asked(built: Built, u: UnitRoot, requester: number, pasid: number | null, as = pasid): Row {
  const found = lookup(built, u, requester, pasid);
  if (!("code" in found)) return rowOf(found);
  return { requester, pasid: as, state: "blocked", why: found.why, at: found.entries.at(-1)?.at };
}

/** Words of endings that are no device: nothing is set up, or nothing is known. */
export const noDevice =
  /not present|not valid|lies outside|beyond the .* (entries|levels|of stream)|may not|is for requests|not mapped|does not read|has Span/;

export function listed(built: Built, u: UnitRoot): { rows: Row[]; troubles: Troubles } {
  const troubles = new Troubles();
  return { rows: deviceTables[u.kind].attachments(built.memory, u, troubles).map(rowOf), troubles };
}
