/**
 * NVMe: the entries of its queues and of scatter lists.
 *
 * Source: NVM Express Base Specification 2.0, 3.3.3 (submission and completion entries), 4.1.2 (SGL descriptors);
 * NVM Command Set Specification 1.0, 3.2.4 and 3.2.6 (read and write).
 */
import { address64, bit, bits, layout } from "../../bits/index.js";

/** Operations of the NVM command set. */
export const NvmeOpcode = { flush: 0, write: 1, read: 2 } as const;
/** Bytes of a submission queue entry. */
export const sqeBytes = 64;
/** Bytes of a completion queue entry. */
export const cqeBytes = 16;
/** Bytes of an SGL descriptor. */
export const sglBytes = 16;

/** Status codes of completions: type 0 unless said otherwise. */
export const NvmeStatus = {
  success: 0,
  invalidOpcode: 1,
  dataTransferError: 4,
  invalidSgl: 0x0d,
  badLength: 0x0f,
  lbaRange: 0x80,
} as const;
export type NvmeStatus = (typeof NvmeStatus)[keyof typeof NvmeStatus];

/** What a descriptor describes, in its upper four bits. */
export const SglType = { data: 0, lastSegment: 3 } as const;

/** NVMe submission entry. */
export const Sqe = layout(
  {
    title: "NVMe submission entry",
    source: "NVMe 2.0, 3.3.3.1",
    bitCount: 512,
    ignored: [
      [127, 64],
      [191, 128],
      [479, 400],
      [511, 480],
    ],
    reserved: [[13, 10]],
  },
  {
    opcode: bits(7, 0, "NvmeOpcode"),
    fuse: bits(9, 8, "0 = not fused"),
    sgl: bits(15, 14, "1 = the data pointer is an SGL descriptor"),
    id: bits(31, 16, "given back in the completion"),
    namespace: bits(63, 32, "1 is the only one here"),
    dataAddress: address64(192, "SGL 1: address"),
    dataLength: bits(287, 256, "SGL 1: bytes, of the data or of the list"),
    dataKind: bits(319, 288, "SGL 1: type in bits 31:28"),
    block: address64(320, "first block"),
    count: bits(399, 384, "blocks, less one"),
  },
);

/** NVMe SGL descriptor. */
export const SglDescriptor = layout(
  { title: "NVMe SGL descriptor", source: "NVMe 2.0, 4.1.2", bitCount: 128, reserved: [[119, 96]] },
  {
    address: address64(0, "bus address"),
    length: bits(95, 64, "bytes"),
    subtype: bits(123, 120, "0 = an address"),
    type: bits(127, 124, "SglType"),
  },
);

/** NVMe completion entry. */
export const Cqe = layout(
  { title: "NVMe completion entry", source: "NVMe 2.0, 3.3.3.2", bitCount: 128, ignored: [[63, 32]] },
  {
    result: bits(31, 0, "of the command; 0 for reads and writes"),
    sqHead: bits(79, 64, "submission entries taken so far, as an index"),
    sqId: bits(95, 80, "submission queue"),
    id: bits(111, 96, "of the submission entry"),
    phase: bit(112, "turns with every round of the queue"),
    status: bits(127, 113, "0, or why it failed"),
  },
);
