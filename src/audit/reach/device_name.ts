/** Devices as people write them: `0000:00:03.0`, and `sid:0x12345` for a stream id that is no requester id. */
import { Misuse } from "../../base/assert.js";

export interface DeviceId {
  readonly segment: number;
  /** bus << 8 | device << 3 | function; a stream id may exceed 16 bits. */
  readonly requester: number;
}

/** A device as asked for. */
export interface AskedDevice {
  /** null: any. */
  readonly segment: number | null;
  readonly requester: number;
  /** null: any, or a request without one. */
  readonly pasid: number | null;
}

/** A device and an address of its own. */
export interface AskedAddress extends AskedDevice {
  readonly iova: bigint;
}

export function deviceName({ segment, requester }: DeviceId): string {
  const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");
  if (requester > 0xffff) return `${segment === 0 ? "" : `${hex(segment, 4)}:`}sid:0x${hex(requester, 1)}`;
  const device = `${hex(requester >>> 8, 2)}:${hex((requester >>> 3) & 31, 2)}.${requester & 7}`;
  return `${hex(segment, 4)}:${device}`;
}

const bdf = "(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\\.([0-7])";
const sid = "(?:([0-9a-f]{1,8}):)?sid:(0x[0-9a-f]{1,8}|[0-9]{1,10})";
const pasidForm = "(?:/(0x[0-9a-f]{1,5}|[0-9]{1,7}))?";
const devicePattern = new RegExp(`^(?:${bdf}|${sid})${pasidForm}$`, "i");

/** Bits of a PASID. Source: PCI Express 6.0, 6.20 (PASID TLP prefix). */
const pasidMax = 2 ** 20 - 1;

/** @throws Misuse `device` when the text names none. */
export function parseDevice(text: string): AskedDevice {
  const found = devicePattern.exec(text.trim());
  if (found === null) return wrong(text);
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
  };
}

/** `BDF[/PASID]:IOVA`. @throws Misuse `device` or `address`. */
export function parseDeviceAddress(text: string): AskedAddress {
  if (devicePattern.test(text.trim())) {
    throw new Misuse("device", `${quoted(text)} has no address; say which: ${text.trim()}:0xfffc0000`);
  }
  const at = text.lastIndexOf(":");
  const asked = parseDevice(at < 0 ? text : text.slice(0, at));
  return { ...asked, iova: parseAddress(text.slice(at + 1)) };
}

/** A hexadecimal address, with or without 0x. @throws Misuse `address` when it is none of at most 64 bits. */
export function parseAddress(text: string): bigint {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text.trim())?.[1];
  if (digits === undefined) throw new Misuse("address", `${quoted(text)}; an address is hexadecimal, like 0x44e9000`);
  return BigInt(`0x${digits}`);
}

/** Does the device answer to what was asked for? */
export function isAsked(device: DeviceId & { readonly pasid: number | null }, asked: AskedDevice): boolean {
  return (
    device.requester === asked.requester &&
    (asked.segment === null || asked.segment === device.segment) &&
    (asked.pasid === null || asked.pasid === device.pasid)
  );
}

function wrong(text: string): never {
  const forms = "a device is written 00:03.0, 0000:00:03.0, 0000:00:03.0/5 (with a PASID) or sid:0x123";
  throw new Misuse("device", `${quoted(text)}; ${forms}`);
}

const quoted = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
