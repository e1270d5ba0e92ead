/** Addresses as text. Pages are numbers; an address with its offset has up to 64 bits and is a bigint. */

/** `0x5097000` from a page. */
export const pageHex = (page: number): string => addressHex(BigInt(page) * 4096n);

export const addressHex = (address: bigint): string => `0x${address.toString(16)}`;

/** A place that someone asks for. */
export type Asked =
  | { readonly kind: "who"; readonly address: bigint }
  | {
      readonly kind: "at";
      /** null: any segment. */
      readonly segment: number | null;
      readonly requester: number;
      /** It is the id that a unit sees. */
      readonly isStream: boolean;
      /** null: any. */
      readonly pasid: number | null;
      readonly address: bigint;
    };

const hex = "(?:0x)?([0-9a-f]{1,16})";
const device = "(?:([0-9a-f]{1,8}):)?(?:([0-9a-f]{1,2}):([0-9a-f]{1,2})\\.([0-7])|sid:(0x[0-9a-f]{1,8}|[0-9]{1,10}))";
const pasidForm = "(?:/(0x[0-9a-f]{1,5}|[0-9]{1,7}))?";
const whoForm = new RegExp(`^${hex}$`, "i");
const atForm = new RegExp(`^${device}${pasidForm}:${hex}$`, "i");

/** @returns a sentence when the text is neither a physical address nor `BDF:IOVA`. */
export function parseAsked(text: string): Asked | string {
  const trimmed = text.trim();
  const who = whoForm.exec(trimmed);
  if (who !== null) {
    const address = BigInt(`0x${who[1]}`);
    return address >= 2n ** 52n ? "A physical address has at most 52 bits." : { kind: "who", address };
  }
  const at = atForm.exec(trimmed);
  if (at === null) return "Ask for a physical address (0x5097010) or for a device's own (00:03.0:0xfffc0010).";
  const [, segment, bus, slot, fn, stream, pasid, address] = at;
  const requester =
    stream === undefined
      ? Number.parseInt(bus!, 16) * 256 + (Number.parseInt(slot!, 16) % 32) * 8 + Number(fn)
      : Number(stream);
  return {
    kind: "at",
    segment: segment === undefined ? null : Number.parseInt(segment, 16),
    requester,
    isStream: stream !== undefined,
    pasid: pasid === undefined ? null : Number(pasid),
    address: BigInt(`0x${address}`),
  };
}
