/**
 * The registers of a VT-d remapping unit as a block: what each does by itself.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, chapter 11.4. Where the fault records and the registers of the
 * IOTLB lie is the unit's choice (CAP.FRO, ECAP.IRO); here they lie where QEMU's unit has them, one record of faults.
 */
import type { Dfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";
import { offsetsOf, register, register64, registerMap } from "../../bits/register_map.js";
import { FaultStatus, vtdBlockBytes } from "./registers.js";

/** VT-d GCMD_REG: what software wants; GSTS says what is done. */
export const GlobalCommand = layout(
  { title: "VT-d GCMD_REG", source: "VT-d 4.1, 11.4.4.1", bitCount: 32, reserved: [[22, 0]] },
  {
    cfi: bit(23, "compatibility-format interrupts pass"),
    sirtp: bit(24, "set the interrupt table pointer"),
    ire: bit(25, "remap interrupts"),
    qie: bit(26, "queued invalidation"),
    wbf: bit(27, "flush the write buffer"),
    eafl: bit(28, "advanced fault logging"),
    sfl: bit(29, "set the fault log pointer"),
    srtp: bit(30, "set the root table pointer"),
    te: bit(31, "translate"),
  },
);

/** VT-d CCMD_REG. */
export const ContextCommand = layout(
  { title: "VT-d CCMD_REG", source: "VT-d 4.1, 11.4.6.1", bitCount: 64, reserved: [[58, 34]] },
  {
    did: bits(15, 0, "the domain"),
    sid: bits(31, 16, "the device"),
    fm: bits(33, 32, "function bits of the device that are not compared"),
    caig: bits(60, 59, "what was invalidated: 0 nothing; as CIRG"),
    cirg: bits(62, 61, "what is to be invalidated: 1 all; 2 a domain; 3 a device"),
    icc: bit(63, "1 = begin; 0 when it is done"),
  },
);

/** VT-d IVA_REG. */
export const InvalidateAddress = layout(
  { title: "VT-d IVA_REG", source: "VT-d 4.1, 11.4.6.2.2", bitCount: 64, reserved: [[11, 7]] },
  {
    am: bits(5, 0, "2^n pages"),
    ih: bit(6, "1 = only leaves changed"),
    page: bits<Dfn>(63, 12, "the first page"),
  },
);

/** VT-d IOTLB_REG. */
export const IotlbCommand = layout(
  {
    title: "VT-d IOTLB_REG",
    source: "VT-d 4.1, 11.4.6.2.1",
    bitCount: 64,
    reserved: [
      [31, 0],
      [56, 50],
      [59, 59],
      [62, 62],
    ],
  },
  {
    did: bits(47, 32, "the domain"),
    dw: bit(48, "1 = writes under way are drained first"),
    dr: bit(49, "1 = reads under way are drained first"),
    iaig: bits(58, 57, "what was invalidated: 0 nothing; as IIRG"),
    iirg: bits(61, 60, "what is to be invalidated: 1 all; 2 a domain; 3 pages"),
    ivt: bit(63, "1 = begin; 0 when it is done"),
  },
);

/** VT-d ICS_REG. */
export const InvalidationStatus = layout(
  { title: "VT-d ICS_REG", source: "VT-d 4.1, 11.4.9.5", bitCount: 32, reserved: [[31, 1]] },
  { iwc: bit(0, "a wait descriptor with its interrupt flag is done") },
);

/** VT-d FECTL_REG, IECTL_REG and PECTL_REG. */
export const EventControl = layout(
  { title: "VT-d event control", source: "VT-d 4.1, 11.4.7.2", bitCount: 32, reserved: [[29, 0]] },
  { ip: bit(30, "an interrupt waits until it is no longer masked"), im: bit(31, "interrupts are masked") },
);

/** VT-d IQER_REG. */
export const InvalidationError = layout(
  { title: "VT-d IQER_REG", source: "VT-d 4.1, 11.4.9.9", bitCount: 64, reserved: [[31, 4]] },
  {
    iqei: bits(3, 0, "what was wrong with the descriptor"),
    itesid: bits(47, 32, "the device that did not answer in time"),
    icesid: bits(63, 48, "the device that answered wrongly"),
  },
);

/** The upper half of FRCD_REG, as a register of its own. */
const faultRecordHigh = layout(
  { title: "VT-d FRCD_REG, upper half", source: "VT-d 4.1, 11.4.7.6", bitCount: 64, ignored: [[62, 0]] },
  { f: bit(63, "1 = this register holds a fault; written 1 to clear") },
);

const { pfo, afo, apf, iqe, ice, ite, pro } = FaultStatus;
const masked = 2 ** 31;

/** VT-d unit. */
export const vtdRegisters = registerMap(
  { title: "VT-d unit", source: "VT-d 4.1, 11.4", byteCount: vtdBlockBytes },
  {
    ver: register(0x00, "ro", "VER", { reset: 0x10 }),
    cap: register64(0x08, "ro", "CAP"),
    ecap: register64(0x10, "ro", "ECAP"),
    gcmd: register(0x18, "wo", "GCMD"),
    gsts: register(0x1c, "ro", "GSTS"),
    rtaddr: register64(0x20, "rw", "RTADDR; counts when GCMD.SRTP is written"),
    ccmd: register64(0x28, "rw", "CCMD, invalidation of the context cache"),
    fsts: register(0x34, "ro", "FSTS", { but: { rw1c: [pfo, afo, apf, iqe, ice, ite, pro] } }),
    fectl: register(0x38, "ro", "FECTL", { reset: masked, but: { rw: [EventControl.im] } }),
    fedata: register(0x3c, "rw", "FEDATA"),
    feaddr: register(0x40, "rw", "FEADDR"),
    feuaddr: register(0x44, "rw", "FEUADDR"),
    iqh: register64(0x80, "ro", "IQH, bytes from the queue's begin"),
    iqt: register64(0x88, "rw", "IQT, bytes from the queue's begin"),
    iqa: register64(0x90, "rw", "IQA"),
    ics: register(0x9c, "ro", "ICS", { but: { rw1c: [InvalidationStatus.iwc] } }),
    iectl: register(0xa0, "ro", "IECTL", { reset: masked, but: { rw: [EventControl.im] } }),
    iedata: register(0xa4, "rw", "IEDATA"),
    ieaddr: register(0xa8, "rw", "IEADDR"),
    ieuaddr: register(0xac, "rw", "IEUADDR"),
    iqer: register64(0xb0, "ro", "IQER"),
    irta: register64(0xb8, "rw", "IRTA; counts when GCMD.SIRTP is written"),
    pqh: register64(0xc0, "rw", "PQH"),
    pqt: register64(0xc8, "ro", "PQT"),
    pqa: register64(0xd0, "rw", "PQA"),
    prs: register(0xdc, "rw1c", "PRS"),
    pectl: register(0xe0, "ro", "PECTL", { reset: masked, but: { rw: [EventControl.im] } }),
    pedata: register(0xe4, "rw", "PEDATA"),
    peaddr: register(0xe8, "rw", "PEADDR"),
    peuaddr: register(0xec, "rw", "PEUADDR"),
    iva: register64(0xf0, "wo", "IVA, at ECAP.IRO * 16"),
    iotlb: register64(0xf8, "rw", "IOTLB, at ECAP.IRO * 16 + 8"),
    fault: register64(0x220, "ro", "FRCD 0, lower half, at CAP.FRO * 16"),
    faultHigh: register64(0x228, "ro", "FRCD 0, upper half", { but: { rw1c: [faultRecordHigh.f] } }),
  },
);

/** Byte offsets of them. */
export const vtdOffsets = offsetsOf(vtdRegisters);
/** Of those that say where queues lie. */
export const vtdQueueOffsets = { iqa: vtdOffsets.iqa, pqa: vtdOffsets.pqa } as const;
/** Of FSTS, 32 bits. */
export const vtdFaultStatusAt = vtdOffsets.fsts;
