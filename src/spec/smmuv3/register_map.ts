/**
 * The registers of an SMMUv3 as a block: what each does by itself. Only those of the non-secure programming interface.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, section 6.3.
 */
import { offsetsOf, register, register64, registerMap } from "../../bits/register_map.js";
import { smmuBlockBytes, smmuPageBytes } from "./registers.js";

/** SMMUv3. */
export const smmuRegisters = registerMap(
  { title: "SMMUv3", source: "IHI 0070 G, 6.3", byteCount: smmuBlockBytes },
  {
    idr0: register(0x00, "ro", "IDR0"),
    idr1: register(0x04, "ro", "IDR1"),
    idr3: register(0x0c, "ro", "IDR3"),
    idr5: register(0x14, "ro", "IDR5"),
    cr0: register(0x20, "rw", "CR0"),
    cr0ack: register(0x24, "ro", "CR0ACK: CR0 as it counts"),
    cr1: register(0x28, "rw", "CR1"),
    cr2: register(0x2c, "rw", "CR2"),
    gbpa: register(0x44, "rw", "GBPA"),
    irqCtrl: register(0x50, "rw", "IRQ_CTRL"),
    irqCtrlAck: register(0x54, "ro", "IRQ_CTRLACK"),
    gerror: register(0x60, "ro", "GERROR: an error is there where it differs from GERRORN"),
    gerrorn: register(0x64, "rw", "GERRORN"),
    gerrorIrqCfg0: register64(0x68, "rw", "GERROR_IRQ_CFG0"),
    gerrorIrqCfg1: register(0x70, "rw", "GERROR_IRQ_CFG1"),
    gerrorIrqCfg2: register(0x74, "rw", "GERROR_IRQ_CFG2"),
    strtabBase: register64(0x80, "rw", "STRTAB_BASE"),
    strtabBaseCfg: register(0x88, "rw", "STRTAB_BASE_CFG"),
    cmdqBase: register64(0x90, "rw", "CMDQ_BASE"),
    cmdqProd: register(0x98, "rw", "CMDQ_PROD"),
    cmdqCons: register(0x9c, "rw", "CMDQ_CONS, with the error in bits 30:24"),
    eventqBase: register64(0xa0, "rw", "EVENTQ_BASE"),
    eventqIrqCfg0: register64(0xb0, "rw", "EVENTQ_IRQ_CFG0"),
    eventqIrqCfg1: register(0xb8, "rw", "EVENTQ_IRQ_CFG1"),
    eventqIrqCfg2: register(0xbc, "rw", "EVENTQ_IRQ_CFG2"),
    priqBase: register64(0xc0, "rw", "PRIQ_BASE"),
    priqIrqCfg0: register64(0xd0, "rw", "PRIQ_IRQ_CFG0"),
    priqIrqCfg1: register(0xd8, "rw", "PRIQ_IRQ_CFG1"),
    priqIrqCfg2: register(0xdc, "rw", "PRIQ_IRQ_CFG2"),
    eventqProd: register(smmuPageBytes + 0xa8, "rw", "EVENTQ_PROD"),
    eventqCons: register(smmuPageBytes + 0xac, "rw", "EVENTQ_CONS"),
    priqProd: register(smmuPageBytes + 0xc8, "rw", "PRIQ_PROD"),
    priqCons: register(smmuPageBytes + 0xcc, "rw", "PRIQ_CONS"),
  },
);

/** Byte offsets of them, page 1 behind page 0. */
export const smmuOffsets = offsetsOf(smmuRegisters);
/** Of those that say where a queue lies, by what is in it. */
export const smmuQueueOffsets = {
  ...{ commands: smmuOffsets.cmdqBase, events: smmuOffsets.eventqBase, pageRequests: smmuOffsets.priqBase },
} as const;
