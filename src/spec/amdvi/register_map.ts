/**
 * The registers of an AMD-Vi unit as a block: what each does by itself.
 *
 * Source: AMD I/O Virtualization Technology Specification 48882, 3.4. The unit's interrupt is a capability of its PCI
 * function; from 0x158 on it is seen in this block as well (EFR.MsiCapMmioSup).
 */
import { offsetsOf, register, register64, registerMap } from "../../bits/register_map.js";
import { amdviBlockBytes, UnitStatus } from "./registers.js";

const { eventOverflow, eventLogInt, comWaitInt, pprOverflow, pprInt, gaLogOverflow, gaInt } = UnitStatus;

/** AMD-Vi unit. */
export const amdviRegisters = registerMap(
  { title: "AMD-Vi unit", source: "AMD IOMMU 48882, 3.4", byteCount: amdviBlockBytes },
  {
    devtab: register64(0x00, "rw", "device table base"),
    cmdbuf: register64(0x08, "rw", "command buffer base"),
    evtlog: register64(0x10, "rw", "event log base"),
    control: register64(0x18, "rw", "control"),
    exclusionBase: register64(0x20, "rw", "exclusion base"),
    exclusionLimit: register64(0x28, "rw", "exclusion limit"),
    efr: register64(0x30, "ro", "extended features"),
    pprlog: register64(0x38, "rw", "page request log base"),
    msiAddress: register(0x15c, "rw", "interrupt address, lower half"),
    msiUpper: register(0x160, "rw", "interrupt address, upper half"),
    msiData: register(0x164, "rw", "interrupt data"),
    cmdHead: register64(0x2000, "rw", "command head, bytes from the buffer's begin"),
    cmdTail: register64(0x2008, "rw", "command tail"),
    evtHead: register64(0x2010, "rw", "event log head"),
    evtTail: register64(0x2018, "rw", "event log tail"),
    status: register64(0x2020, "ro", "status", {
      but: { rw1c: [eventOverflow, eventLogInt, comWaitInt, pprOverflow, pprInt, gaLogOverflow, gaInt] },
    }),
    pprHead: register64(0x2030, "rw", "page request log head"),
    pprTail: register64(0x2038, "rw", "page request log tail"),
  },
);

/** Byte offsets of them. */
export const amdviOffsets = offsetsOf(amdviRegisters);
/** Of those that say where a buffer lies, by what is in it. */
export const amdviQueueOffsets = {
  ...{ commands: amdviOffsets.cmdbuf, events: amdviOffsets.evtlog, pageRequests: amdviOffsets.pprlog },
} as const;
