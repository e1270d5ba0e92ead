/** What a device's own entry lets pass, whatever its tables say. */
import type { Attachment } from "../../../table/device/index.js";
import { Allow, type TableRoot } from "../../../table/index.js";

/** Not of the tables, so not kept with what they gave. */
export const ownRights = ({ first, second }: Attachment): number => (second ?? first[0]!).allow;

/** The tables alone. */
export function withoutOwnRights(a: Attachment): Attachment {
  if (ownRights(a) === Allow.readWrite) return a;
  const of = (root: TableRoot): TableRoot => ({ ...root, allow: Allow.readWrite });
  return { ...a, first: a.first.map(of), second: a.second === null ? null : of(a.second) };
}
