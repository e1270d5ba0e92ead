/** Letters as the little-endian words that they are in memory. */
export const dma_: i32 = 0x5f616d64;
export const dev_: i32 = 0x5f766564;
export const addr: i32 = 0x72646461;
export const mask: i32 = 0x6b73616d;
/** `dir=` */
export const dir: i32 = 0x3d726964;
export const size: i32 = 0x657a6973;
export const attr: i32 = 0x72747461;
/** `s=` */
export const s: i32 = 0x3d73;
export const phys_add: i64 = 0x6464615f73796870;
/** `r=` */
export const r: i32 = 0x3d72;
export const dev_name: i64 = 0x656d616e5f766564;
/** `: ` */
export const colon: i32 = 0x203a;
export const IOMM: i32 = 0x4d4d4f49;
/** `U:` */
export const U: i32 = 0x3a55;

export const FROM_DEV: i64 = 0x5645445f4d4f5246;
export const VICE: i32 = 0x45434956;
export const TO_DEVIC: i64 = 0x43495645445f4f54;
export const E: i32 = 0x45;
export const BIDIRECT: i64 = 0x5443455249444942;
export const ECTIONAL: i64 = 0x4c414e4f49544345;

export const FORC: i32 = 0x43524f46;
export const NORM: i32 = 0x4d524f4e;
export const AL: i32 = 0x4c41;
/** ` typ` */
export const _typ: i32 = 0x70797420;
/** `e ` */
export const e_: i32 = 0x2065;
export const iotl: i32 = 0x6c746f69;
export const b: i32 = 0x62;
export const devt: i32 = 0x74766564;
export const lb: i32 = 0x626c;
/** ` did` */
export const _did: i32 = 0x64696420;
/** ` [` */
export const _open: i32 = 0x5b20;
/** ` add` */
export const _add: i32 = 0x64646120;
/** `r ` */
export const r_: i32 = 0x2072;
/** ` mas` */
export const _mas: i32 = 0x73616d20;
/** `k ` */
export const k_: i32 = 0x206b;
/** ` pas` */
export const _pas: i32 = 0x73617020;
export const id: i32 = 0x6469;
/** ` ref` */
export const _ref: i32 = 0x66657220;
