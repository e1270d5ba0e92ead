/**
 * Functions of PCI devices by the number that a request carries: 8 bits of bus, 5 of device, 3 of function.
 *
 * Source: PCI Express Base 6.0, 2.2.4.2 (Requester ID); written as Linux and lspci write it.
 */
import { hexDigits } from "../../base/hex.js";

/** `03.0`: device and function of the low eight bits. */
export const slotName = (devfn: number): string => `${hexDigits((devfn >>> 3) & 31, 2)}.${devfn & 7}`;

/** `02:00.0`: a requester id without its segment; of an id that has more than 16 bits the bus is longer. */
export const functionName = (requester: number): string => `${hexDigits(requester >>> 8, 2)}:${slotName(requester)}`;

/** `0000`: a segment, which the kernel calls a domain. */
export const segmentName = (segment: number): string => hexDigits(segment, 4);
