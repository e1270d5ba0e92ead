/**
 * A guest's SMMUv3: its commands are carried over with the host's VMID in the place of its own; ASIDs are its own affair.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c (arm_vsmmu_convert_user_cmd: what is not listed there is
 * refused, stream table entries are the monitor's to read).
 */
import { read, write } from "../../../bits/field.js";
import * as C from "../../../spec/smmuv3/command_layouts.js";
import { StreamEntry } from "../../../spec/smmuv3/stream_table.js";
import { forgetFirstStages } from "../smmuv3/commands.js";
import type { GuestVendor } from "./guest_vendor.js";

const { Command } = C;
const opOf = (command: Uint32Array) => read(command, 0, C.Sync.op);
const ofTranslations: ReadonlySet<number> = new Set([Command.nhAll, Command.nhAsid, Command.nhVa, Command.nhVaa]);
/** Of a stream, which both sides call by one number here. */
const ofStreams: ReadonlySet<number> = new Set([Command.cd, Command.cdAll, Command.atcInv]);

export const smmuGuest: GuestVendor = {
  entry: StreamEntry.$,
  tagOf: "second stage",

  changesEntries(command) {
    const op = opOf(command);
    return op === Command.ste || op === Command.steRange;
  },

  carriedOver(command, { second }) {
    const op = opOf(command);
    if (op === Command.nsnhAll) return [forgetFirstStages(second)];
    if (ofStreams.has(op)) return [command];
    if (!ofTranslations.has(op)) return [];
    const words = command.slice();
    write(words, 0, C.NhAll.vmid, second);
    return [words];
  },
};
