/** VT-d: a PASID table that is refused is told once, whether the requester's own PASID lies in it or not. */
import { expect, test } from "vitest";
import { PasidDirectoryEntry } from "../../../src/spec/vtd/pasid.js";
import { deviceTables } from "../../../src/table/device/index.js";
import { Troubles } from "../../../src/table/trouble.js";
import { unit } from "./built.js";
import { contextGood, directory, scalable, table } from "./entries.js";

// The second table of the directory has PASIDs 64 to 127.
test.each([
  [63, ["absent"]],
  [64, ["reserved"]],
  [127, ["reserved"]],
  [128, ["absent"]],
])("requests without PASID are of PASID %i", (ridPasid, ends) => {
  const at = directory + 8;
  const built = scalable({ context: { ...contextGood, ridPasid }, directory: null, entry: null })
    .put(at, PasidDirectoryEntry, { p: 1, frame: table / 4096 })
    .bit(at, 5);
  const troubles = new Troubles();
  const list = deviceTables.vtd.attachments(built.memory, unit("vtd", "scalable"), troubles);
  expect([troubles.total, troubles.list.map((t) => t.entryAt)]).toEqual([1, [at]]);
  expect(list.map((a) => [a.pasid, a.state, /not present/.test(a.why) ? "absent" : "reserved"])).toEqual(
    ends.map((end) => [ridPasid, "blocked", end]),
  );
});
