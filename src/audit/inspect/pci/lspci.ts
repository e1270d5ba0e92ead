/**
 * Devices from the text of lspci in any of its forms, however it was pasted: wrapped lines belong to the device before
 * them, so that each device is read from all of its lines joined.
 *
 * Source of the forms: pciutils 3.10, lspci.c and ls-caps.c, ls-ecaps.c.
 */
import { frameBytes } from "../../../base/frame.js";
import { classOfName } from "../../../spec/pcie/class_names.js";
import { fromConfiguration } from "./configuration.js";
import { devicesMax, nothingKnown, type PciDevice, virtualFunctionsOf, type Window } from "./device.js";
import { recordsAsLines } from "./lspci_records.js";
import { windowOf } from "./window.js";

const head = /^\s*(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])\s+(\S.*)$/i;
/** `00: 86 80 29 …`, `100: …`: 16 bytes of configuration space. */
const hexLine = /^\s*([0-9a-f]{2,3}):((?:\s+[0-9a-f]{2}){16})\s*$/i;
/** Where what lspci says of a device ends and its details begin. */
const detail =
  /\s(?:Subsystem|DeviceName|Physical Slot|Flags|Control|Status|Latency|Interrupt|NUMA node|IOMMU group|Region \d|Memory at|Memory behind bridge|I\/O ports|I\/O behind bridge|Bus|Expansion ROM|Secondary status|BridgeCtl|Capabilities|Kernel driver|Kernel modules|!!!)(?::| at |\s)/;

interface Block {
  readonly segment: number;
  readonly requester: number;
  text: string;
  /** Configuration space, where the text has it. */
  bytes: Uint8Array | null;
}

export function fromLspci(lines: readonly string[]): PciDevice[] {
  return blocksOf(recordsAsLines(lines)).map(deviceOf);
}

function blocksOf(lines: readonly string[]): Block[] {
  const found: Block[] = [];
  for (const line of lines) {
    const place = head.exec(line);
    const last = found.at(-1);
    if (place !== null) {
      const [, segment = "0", bus, device, fn, rest = ""] = place;
      if (Number.parseInt(device!, 16) > 31 || found.length >= devicesMax) continue;
      const requester = (Number.parseInt(bus!, 16) << 8) | (Number.parseInt(device!, 16) << 3) | Number(fn);
      found.push({ segment: Number.parseInt(segment, 16), requester, text: rest, bytes: null });
    } else if (last !== undefined) {
      const hex = hexLine.exec(line);
      if (hex === null) last.text += ` ${line.trim()}`;
      else {
        last.bytes ??= new Uint8Array(frameBytes);
        last.bytes.set(
          hex[2]!
            .trim()
            .split(/\s+/)
            .map((b) => Number.parseInt(b, 16)),
          Number.parseInt(hex[1]!, 16),
        );
      }
    }
  }
  return found;
}

function deviceOf({ segment, requester, text, bytes }: Block): PciDevice {
  const place = { segment, requester };
  const end = detail.exec(text)?.index ?? text.length;
  const said = {
    ...nothingKnown,
    text: text.slice(0, end).trim(),
    ...described(text.slice(0, end)),
    ...detailed(text.slice(end), requester),
    ...place,
  };
  const configured = bytes === null ? null : fromConfiguration(bytes, segment, requester);
  if (configured === null) return said;
  return { ...configured, name: said.name, text: said.text, bars: said.bars.length > 0 ? said.bars : configured.bars };
}

const number = (hex: string) => Number.parseInt(hex, 16);

/** `0108: 1b36:0010`, `Host bridge: Intel …`, `Host bridge [0600]: … [8086:29c0]`, `"Host bridge" "Intel" "…"`. */
function described(text: string): Pick<PciDevice, "vendor" | "device" | "class" | "name"> {
  const terse = /^([0-9a-f]{4}): ([0-9a-f]{4}):([0-9a-f]{4})\b/i.exec(text);
  if (terse !== null) {
    const [cls, vendor, device] = terse.slice(1).map(number) as [number, number, number];
    return { class: cls, vendor, device, name: null };
  }
  const quoted = [...text.matchAll(/"([^"]*)"/g)].map((m) => m[1]!);
  if (text.startsWith('"') && quoted.length >= 3) {
    const [cls = null, vendor = null, device = null] = quoted.slice(0, 3).map(lastNumber);
    const name = quoted[0]!.replace(/ \[[0-9a-f]{4}\]$/i, "");
    return { name, class: cls ?? classOfName(name), vendor, device };
  }
  const cls = /\[([0-9a-f]{4})\]:/i.exec(text);
  const ids = [...text.matchAll(/\[([0-9a-f]{4}):([0-9a-f]{4})\]/gi)].at(-1);
  const name =
    text
      .replace(/ \[[0-9a-f]{4}\](?=:)/i, "")
      .split(":")[0]!
      .trim() || null;
  return {
    class: cls === null ? classOfName(name) : number(cls[1]!),
    vendor: ids === undefined ? null : number(ids[1]!),
    device: ids === undefined ? null : number(ids[2]!),
    name,
  };
}

const lastNumber = (text: string): number | null => {
  const found = /\[([0-9a-f]{4})\]$/i.exec(text)?.[1] ?? /^([0-9a-f]{4})$/i.exec(text)?.[1];
  return found === undefined ? null : number(found);
};

/** What `-v` and more say below a device. */
function detailed(text: string, requester: number): Partial<PciDevice> {
  const bus = /\bsecondary=([0-9a-f]{2}),\s+subordinate=([0-9a-f]{2})/i.exec(text);
  const ats = /\bATSCtl:\s+Enable([+-])/.exec(text);
  const pasid = /\bPASIDCtl:\s+Enable([+-])/.exec(text);
  const count = /\bNumber of VFs: (\d+)/.exec(text);
  const place = /\bVF offset: (\d+),\s+stride: (\d+)/.exec(text);
  return {
    buses: bus === null ? null : { secondary: number(bus[1]!), subordinate: number(bus[2]!) },
    ats: ats === null ? null : ats[1] === "+",
    pasid: pasid === null ? null : pasid[1] === "+",
    bars: windows(text),
    virtualFunctions:
      count === null || place === null
        ? null
        : virtualFunctionsOf(requester, {
            count: Number(count[1]),
            offset: Number(place[1]),
            stride: Number(place[2]),
          }),
  };
}

/** `Memory at fe000000 (64-bit, prefetchable) [size=16K]`, after `Region 0: ` where lspci is told to say more. */
function windows(text: string): Window[] {
  return [...text.matchAll(/\bMemory at ([0-9a-f]+) [^[]*(?:\[(?!size)[^[]*)*\[size=(\d+)([KMGT]?)\]/gi)].flatMap(
    ([, first, size, unit]) => {
      const from = number(first!);
      return windowOf(from, from + Number(size) * 1024 ** ["", "K", "M", "G", "T"].indexOf(unit!.toUpperCase()));
    },
  );
}
