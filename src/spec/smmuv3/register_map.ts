/**
 * The registers of an SMMUv3 as a block: what each does by itself. Only those of the non-secure programming interface.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, section 6.3.
 */
import { register, register64, registerMap } from "../../bits/register_map.js";
import { smmuQueueOffsets as queues } from "./queue_registers.js";
import { smmuOffsets as at, smmuBlockBytes, smmuPageBytes } from "./registers.js";

/** SMMUv3. */
export const smmuRegisters = registerMap(
  { title: "SMMUv3", source: "IHI 0070 G, 6.3", byteCount: smmuBlockBytes },
  {
    idr0: register(at.idr0, "ro", "IDR0"),
    idr1: register(at.idr1, "ro", "IDR1"),
    idr3: register(at.idr3, "ro", "IDR3"),
    idr5: register(at.idr5, "ro", "IDR5"),
    cr0: register(at.cr0, "rw", "CR0"),
    cr0ack: register(at.cr0ack, "ro", "CR0ACK: CR0 as it counts"),
    cr1: register(0x28, "rw", "CR1"),
    cr2: register(0x2c, "rw", "CR2"),
    gbpa: register(at.gbpa, "rw", "GBPA"),
    irqCtrl: register(0x50, "rw", "IRQ_CTRL"),
    irqCtrlAck: register(0x54, "ro", "IRQ_CTRLACK"),
    gerror: register(at.gerror, "ro", "GERROR: an error is there where it differs from GERRORN"),
    gerrorn: register(0x64, "rw", "GERRORN"),
    strtabBase: register64(at.strtabBase, "rw", "STRTAB_BASE"),
    strtabBaseCfg: register(at.strtabBaseCfg, "rw", "STRTAB_BASE_CFG"),
    cmdqBase: register64(queues.commands, "rw", "CMDQ_BASE"),
    cmdqProd: register(0x98, "rw", "CMDQ_PROD"),
    cmdqCons: register(0x9c, "rw", "CMDQ_CONS, with the error in bits 30:24"),
    eventqBase: register64(queues.events, "rw", "EVENTQ_BASE"),
    priqBase: register64(queues.pageRequests, "rw", "PRIQ_BASE"),
    eventqProd: register(smmuPageBytes + 0xa8, "rw", "EVENTQ_PROD"),
    eventqCons: register(smmuPageBytes + 0xac, "rw", "EVENTQ_CONS"),
    priqProd: register(smmuPageBytes + 0xc8, "rw", "PRIQ_PROD"),
    priqCons: register(smmuPageBytes + 0xcc, "rw", "PRIQ_CONS"),
  },
);
