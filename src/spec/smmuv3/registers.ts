/**
 * Registers of an SMMUv3: the ones that say where its tables are and what it can do. Where they lie says
 * `register_map.ts`.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, section 6.3.
 */
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** Bytes of page 0 and of page 1, and what the block is aligned to. */
export const smmuPageBytes = 0x10000;
/** Bytes of the block: both pages. */
export const smmuBlockBytes = 2 * smmuPageBytes;

/** SMMU_IDR0. */
export const Idr0 = layout(
  {
    title: "SMMU_IDR0",
    source: "IHI 0070 G, 6.3.1",
    bitCount: 32,
    reserved: [
      [29, 29],
      [31, 31],
    ],
  },
  {
    s2p: bit(0, "stage 2"),
    s1p: bit(1, "stage 1"),
    ttf: bits(3, 2, "table formats: bit 0 = 32-bit, bit 1 = 64-bit"),
    cohacc: bit(4, "table walks are coherent"),
    btm: bit(5, "broadcast TLB maintenance"),
    httu: bits(7, 6, "hardware updates: 1 access flag; 2 and dirty state; 3 and tables"),
    dormhint: bit(8, "dormant hint"),
    hyp: bit(9, "EL2 streams"),
    ats: bit(10, "ATS"),
    ns1ats: bit(11, "1 = no ATS of stage 1 alone"),
    asid16: bit(12, "16-bit ASIDs"),
    msi: bit(13, "message-signalled interrupts"),
    sev: bit(14, "wake-up events"),
    atos: bit(15, "address translation operations"),
    pri: bit(16, "page requests"),
    vmw: bit(17, "VMID wildcards"),
    vmid16: bit(18, "16-bit VMIDs"),
    cd2l: bit(19, "two-level context descriptor tables"),
    vatos: bit(20, "virtual address translation operations"),
    ttendian: bits(22, 21, "endianness of tables: 0 both; 2 little; 3 big"),
    atsrecerr: bit(23, "ATS errors are recorded"),
    stallModel: bits(25, 24, "0 both; 1 no stalls; 2 always stalls"),
    termModel: bit(26, "1 = faults always abort"),
    stLevel: bits(28, 27, "stream tables: 0 linear; 1 also two-level"),
    rme: bit(30, "realms"),
  },
);

/** SMMU_IDR1. */
export const Idr1 = layout(
  { title: "SMMU_IDR1", source: "IHI 0070 G, 6.3.2", bitCount: 32 },
  {
    sidSize: bits(5, 0, "bits of a stream id"),
    ssidSize: bits(10, 6, "bits of a substream id"),
    priqs: bits(15, 11, "log2 of the largest page request queue"),
    eventqs: bits(20, 16, "log2 of the largest event queue"),
    cmdqs: bits(25, 21, "log2 of the largest command queue"),
    attrPermsOvr: bit(26, "permissions can be overridden"),
    attrTypesOvr: bit(27, "types can be overridden"),
    rel: bit(28, "table addresses are offsets"),
    queuesPreset: bit(29, "queue addresses are fixed"),
    tablesPreset: bit(30, "table addresses are fixed"),
    ecmdq: bit(31, "enhanced command queues"),
  },
);

/** SMMU_IDR3. */
export const Idr3 = layout(
  {
    title: "SMMU_IDR3",
    source: "IHI 0070 G, 6.3.4",
    bitCount: 32,
    reserved: [
      [1, 0],
      [6, 6],
      [31, 24],
    ],
  },
  {
    had: bit(2, "rights in tables can be switched off"),
    pbha: bit(3, "page-based hardware attributes"),
    xnx: bit(4, "execution at stage 2 by exception level"),
    pps: bit(5, "automatic page responses carry the PASID"),
    mpam: bit(7, "memory partitioning"),
    fwb: bit(8, "stage 2 can decide the memory type"),
    stt: bit(9, "small tables: as few as 16 bits of input"),
    ril: bit(10, "ranges in invalidations"),
    bbml: bits(12, 11, "how far a mapping may change without being removed first"),
    e0pd: bit(13, "unprivileged accesses can be refused by half"),
    ptwnnc: bit(14, "walks through device memory are made as non-cacheable"),
    dpt: bit(15, "device permission tables"),
    pasidTt: bit(16, "PASIDs on translated requests"),
    epan: bit(17, "enhanced privileged access never"),
    s1pi: bit(18, "permission indirection of stage 1"),
    s2pi: bit(19, "permission indirection of stage 2"),
    s2po: bit(20, "permission overlays of stage 2"),
    the: bit(21, "translation hardening"),
    mtePerm: bit(22, "memory without tag access"),
    aie: bit(23, "attribute index extension"),
  },
);

/** SMMU_IDR5. */
export const Idr5 = layout(
  {
    title: "SMMU_IDR5",
    source: "IHI 0070 G, 6.3.6",
    bitCount: 32,
    reserved: [
      [3, 3],
      [9, 9],
      [15, 12],
    ],
  },
  {
    oas: bits(2, 0, "output bits: 0 32; 1 36; 2 40; 3 42; 4 44; 5 48; 6 52; 7 56"),
    gran4k: bit(4, "4 KiB granule"),
    gran16k: bit(5, "16 KiB granule"),
    gran64k: bit(6, "64 KiB granule"),
    ds: bit(7, "52-bit addresses with small granules"),
    d128: bit(8, "128-bit descriptors"),
    vax: bits(11, 10, "input bits: 0 48; 1 52; 2 56"),
    stallMax: bits(31, 16, "most stalled requests"),
  },
);

/** SMMU_CR0. */
export const Cr0 = layout(
  {
    title: "SMMU_CR0",
    source: "IHI 0070 G, 6.3.9",
    bitCount: 32,
    reserved: [
      [5, 5],
      [9, 9],
      [31, 11],
    ],
  },
  {
    smmuen: bit(0, "1 = the unit translates"),
    priqen: bit(1, "page requests are queued"),
    eventqen: bit(2, "events are queued"),
    cmdqen: bit(3, "commands are processed"),
    atschk: bit(4, "1 = translated requests (ATS) are checked against the stream's entry"),
    vmw: bits(8, 6, "VMID wildcard"),
    dptWalkEn: bit(10, "device permission tables"),
  },
);

/** What happens to requests while SMMUEN is 0. */
export const GlobalBypass = layout(
  {
    title: "SMMU_GBPA",
    source: "IHI 0070 G, 6.3.16",
    bitCount: 32,
    reserved: [
      [7, 5],
      [15, 14],
      [30, 21],
    ],
  },
  {
    memAttr: bits(3, 0, "memory attribute"),
    mtCfg: bit(4, "1 = memAttr counts"),
    allocCfg: bits(11, 8, "allocation hints"),
    shCfg: bits(13, 12, "shareability"),
    privCfg: bits(17, 16, "privilege"),
    instCfg: bits(19, 18, "instruction"),
    abort: bit(20, "1 = requests abort; 0 = they pass untranslated"),
    update: bit(31, "an update is under way"),
  },
);

/** SMMU_STRTAB_BASE. */
export const StreamTableBase = layout(
  {
    title: "SMMU_STRTAB_BASE",
    source: "IHI 0070 G, 6.3.24",
    bitCount: 64,
    reserved: [
      [5, 0],
      [61, 56],
      [63, 63],
    ],
  },
  {
    addr: bits(55, 6, "stream table, in units of 64 bytes; aligned to its size by the unit"),
    ra: bit(62, "read-allocate hint"),
  },
);

/** SMMU_STRTAB_BASE_CFG. */
export const StreamTableConfig = layout(
  {
    title: "SMMU_STRTAB_BASE_CFG",
    source: "IHI 0070 G, 6.3.25",
    bitCount: 32,
    reserved: [
      [15, 11],
      [31, 18],
    ],
  },
  {
    log2size: bits(5, 0, "stream ids have n bits"),
    split: bits(10, 6, "bits of the stream id that the second level resolves: 6, 8 or 10"),
    fmt: bits(17, 16, "0 linear; 1 two-level; others reserved"),
  },
);

/** Bits of an address by the code of IDR5.OAS, CD.IPS and STE.S2PS. */
export const addressBits: readonly number[] = [32, 36, 40, 42, 44, 48, 52, 56];
