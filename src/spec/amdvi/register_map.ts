/**
 * The registers of an AMD-Vi unit as a block: what each does by itself.
 *
 * Source: AMD I/O Virtualization Technology Specification 48882, 3.4.
 */
import { register64, registerMap } from "../../bits/register_map.js";
import { amdviQueueOffsets as queues } from "./queue_registers.js";
import { amdviBlockBytes, amdviOffsets as at, UnitStatus } from "./registers.js";

const { eventOverflow, eventLogInt, comWaitInt, pprOverflow, pprInt, gaLogOverflow, gaInt } = UnitStatus;

/** AMD-Vi unit. */
export const amdviRegisters = registerMap(
  { title: "AMD-Vi unit", source: "AMD IOMMU 48882, 3.4", byteCount: amdviBlockBytes },
  {
    devtab: register64(at.devtab, "rw", "device table base"),
    cmdbuf: register64(queues.commands, "rw", "command buffer base"),
    evtlog: register64(queues.events, "rw", "event log base"),
    control: register64(at.control, "rw", "control"),
    exclusionBase: register64(at.exclusionBase, "rw", "exclusion base"),
    exclusionLimit: register64(at.exclusionLimit, "rw", "exclusion limit"),
    efr: register64(at.efr, "ro", "extended features"),
    pprlog: register64(queues.pageRequests, "rw", "page request log base"),
    cmdHead: register64(0x2000, "rw", "command head, bytes from the buffer's begin"),
    cmdTail: register64(0x2008, "rw", "command tail"),
    evtHead: register64(0x2010, "rw", "event log head"),
    evtTail: register64(0x2018, "rw", "event log tail"),
    status: register64(at.status, "ro", "status", {
      but: { rw1c: [eventOverflow, eventLogInt, comWaitInt, pprOverflow, pprInt, gaLogOverflow, gaInt] },
    }),
    pprHead: register64(0x2030, "rw", "page request log head"),
    pprTail: register64(0x2038, "rw", "page request log tail"),
  },
);
