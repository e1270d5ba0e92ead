/**
 * A guest's AMD-Vi unit with guest (v2) tables: its commands are carried over with the host's domain ids.
 *
 * Source: Linux drivers/iommu/amd/nested.c (a host's domain id for each of the guest's), AMD IOMMU 48882, 2.4.
 */
import { read, write } from "../../../bits/field.js";
import * as C from "../../../spec/amdvi/commands.js";
import { DeviceEntry } from "../../../spec/amdvi/device_entry.js";
import { invalidatePages } from "../amdvi/commands.js";
import { allFrames } from "../covering.js";
import type { GuestVendor } from "./guest_vendor.js";

const { Opcode } = C;
const opcodeOf = (command: Uint32Array) => read(command, 0, C.InvalidateAll.opcode);

export const amdviGuest: GuestVendor = {
  entry: DeviceEntry.$,
  tagOf: "guest domain",

  changesEntries(command) {
    const opcode = opcodeOf(command);
    return opcode === Opcode.invalidateDevice || opcode === Opcode.invalidateAll;
  },

  carriedOver(command, { devices }) {
    switch (opcodeOf(command)) {
      case Opcode.invalidatePages: {
        const { did } = C.InvalidatePages;
        const ids = new Set(devices.filter((d) => d.guestId === read(command, 0, did)).map((d) => d.id));
        return [...ids].map((id) => {
          const words = command.slice();
          write(words, 0, did, id);
          return words;
        });
      }
      case Opcode.invalidateDeviceTlb:
        return [command];
      case Opcode.invalidateAll:
        // What both stages gave is of the host's domain, and goes with all of that.
        return [...new Set(devices.map((d) => d.id))].map((id) => invalidatePages(id, allFrames));
      default:
        return [];
    }
  },
};
