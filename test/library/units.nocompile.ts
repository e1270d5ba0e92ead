/** What must not compile: units that are mixed up, and documents that are misread. The compiler is the test. */

import type { Dma } from "../../src/doors/driver.js";
import { createBouncePool } from "../../src/doors/swiotlb.js";
import { address, type Dfn, dfn, type Memory, type Mfn, type PageTable } from "../../src/doors/table.js";
import { replay } from "../../src/index.js";

declare const table: PageTable;
declare const memory: Memory;
declare const dma: Dma;

export const right = [table.walk(dfn(0xfffc0)), table.trace(address(0xfffc0123)), table.trace(0xffff_ffff_ffff_0123n)];

// @ts-expect-error a walk takes a frame, not bytes
table.walk(address(0xfffc0000));
// @ts-expect-error a trace takes bytes, not a frame
table.trace(dfn(0xfffc0));
// @ts-expect-error a plain number is neither
table.walk(0xfffc0);
// @ts-expect-error a plain number is neither
table.trace(0xfffc0123);
// @ts-expect-error what a walk reaches is memory, or a fault
export const wrongSpace: Dfn = table.walk(dfn(1));
// @ts-expect-error it may be a fault: ask isFault first
export const unasked: Mfn = table.walk(dfn(1));
// @ts-expect-error memory is addressed in bytes
memory.load32(dfn(1));
// @ts-expect-error a buffer's size is bytes, and its place an address
dma.map({ phys: 4096, size: address(4096), direction: "to-device" });
// @ts-expect-error there is no such direction
dma.map({ phys: address(4096), size: 4096, direction: "up" });
// @ts-expect-error a pool begins at an address
createBouncePool({ start: 0x7000_0000, slots: 512 });
// @ts-expect-error there is no such option
replay(new Uint8Array(), { dmesg: "" });
// @ts-expect-error there is no such key in the document
export const slip = (await replay(new Uint8Array())).mapped;
// @ts-expect-error a document is to be read
(await replay(new Uint8Array())).maps.total = 1;
