/** Devices as people write them: `0000:00:03.0`, and `sid:0x12345` for a stream id that is no requester id. */

import { Misuse } from "../../base/assert.js";
import { hex } from "../../base/hex.js";
import { functionName, segmentName } from "../../spec/pcie/requester.js";

export interface DeviceId {
  readonly segment: number;
  /** bus << 8 | device << 3 | function; a stream id may exceed 16 bits. */
  readonly requester: number;
  /** The stream that its SMMU sees, where firmware says which device it is; absent: the requester id is what the unit sees. */
  readonly stream?: number;
  /**
   * Of what is on no bus: its path in ACPI, or null for a stream of which firmware says no device; `requester` is then the
   * stream. Absent: it is a function on PCI.
   */
  readonly path?: string | null;
}

/** A device as asked for. */
export interface AskedDevice {
  /** null: any. */
  readonly segment: number | null;
  /** Requester id; with `isStream` the id that the unit sees; -1 where only a path was given. */
  readonly requester: number;
  readonly isStream?: boolean;
  /** What ACPI calls it; null: `requester` is a stream of which firmware says no device. */
  readonly path?: string | null;
  /** null: any, or a request without one. */
  readonly pasid: number | null;
  /** Who was asked for, where that device sends under the id of this one. */
  readonly sentBy?: DeviceId;
}

/** A device and an address of its own. */
export interface AskedAddress extends AskedDevice {
  readonly iova: bigint;
}

export function deviceName({ segment, requester, path }: DeviceId): string {
  if (path != null) return `${path} stream ${hex(requester)}`;
  // Of a stream that nobody sends, no segment is known.
  if (path === null) return `sid:${hex(requester)}`;
  if (requester > 0xffff) return `${segment === 0 ? "" : `${segmentName(segment)}:`}sid:${hex(requester)}`;
  return `${segmentName(segment)}:${functionName(requester)}`;
}

const bdf = "(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\\.([0-7])";
const sid = "(?:([0-9a-f]{1,8}):)?sid:(0x[0-9a-f]{1,8}|[0-9]{1,10})";
const pasidForm = "(?:/(0x[0-9a-f]{1,5}|[0-9]{1,7}))?";
const devicePattern = new RegExp(`^(?:${bdf}|${sid})${pasidForm}$`, "i");

/** `\\_SB_.DPU0`, `\\_SB_.DPU0 stream 0x3`. */
const pathPattern = new RegExp(`^(\\\\[\\w.^]+)(?: stream (0x[0-9a-f]{1,8}|[0-9]{1,10}))?${pasidForm}$`, "i");

/** Bits of a PASID. Source: PCI Express 6.0, 6.20 (PASID TLP prefix). */
const pasidMax = 2 ** 20 - 1;

/** @throws Misuse `device` when the text names none. */
export function parseDevice(text: string): AskedDevice {
  const found = devicePattern.exec(text.trim());
  if (found === null) return parsePath(text);
  const [, segmentA, bus, device, fn, segmentB, stream, pasid] = found;
  const segment = segmentA ?? segmentB;
  const slot = device === undefined ? 0 : Number.parseInt(device, 16);
  if (slot > 31) return wrong(text);
  const requester = stream === undefined ? (Number.parseInt(bus!, 16) << 8) | (slot << 3) | Number(fn) : Number(stream);
  if (requester > 0xffff_ffff || (pasid !== undefined && Number(pasid) > pasidMax)) return wrong(text);
  return {
    segment: segment === undefined ? null : Number.parseInt(segment, 16),
    requester,
    pasid: pasid === undefined ? null : Number(pasid),
    ...(stream !== undefined && { isStream: true }),
  };
}

function parsePath(text: string): AskedDevice {
  const [, path, stream, pasid] = pathPattern.exec(text.trim()) ?? wrong(text);
  const requester = stream === undefined ? -1 : Number(stream);
  return { segment: null, requester, pasid: pasid === undefined ? null : Number(pasid), path: path! };
}

/** `BDF[/PASID]:IOVA`. @throws Misuse `device` or `address`. */
export function parseDeviceAddress(text: string): AskedAddress {
  if (devicePattern.test(text.trim()) || pathPattern.test(text.trim())) {
    throw new Misuse("device", `${quoted(text)} has no address; say which: ${text.trim()}:0xfffc0000`);
  }
  const at = text.lastIndexOf(":");
  const asked = parseDevice(at < 0 ? text : text.slice(0, at));
  return { ...asked, iova: parseAddress(text.slice(at + 1)) };
}

/** A hexadecimal address, with or without 0x. @throws Misuse `address` when it is none of at most 64 bits. */
export function parseAddress(text: string): bigint {
  const digits = /^(?:0x)?0*([0-9a-f]+)$/i.exec(text.trim())?.[1];
  if (digits !== undefined && digits.length > 16) {
    throw new Misuse("address", `${quoted(text)} is too large; an address has at most 64 bits`);
  }
  if (digits === undefined) throw new Misuse("address", `${quoted(text)}; an address is hexadecimal, like 0x44e9000`);
  return BigInt(`0x${digits}`);
}

/** Does the device answer to what was asked for? */
export function isAsked(device: DeviceId & { readonly pasid: number | null }, asked: AskedDevice): boolean {
  if (asked.pasid !== null && asked.pasid !== device.pasid) return false;
  const seen = device.stream ?? device.requester;
  if (asked.path != null) return device.path === asked.path && (asked.requester < 0 || seen === asked.requester);
  if (asked.segment !== null && asked.segment !== device.segment) return false;
  if (asked.isStream === true || asked.path === null) return seen === asked.requester;
  return device.path === undefined && device.requester === asked.requester;
}

function wrong(text: string): never {
  const forms = "a device is written 00:03.0, 0000:00:03.0, 0000:00:03.0/5 (with a PASID), sid:0x123 or \\_SB.DEV0";
  throw new Misuse("device", `${quoted(text)}; ${forms}`);
}

const quoted = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
