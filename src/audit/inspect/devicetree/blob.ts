/** A device tree in memory: its nodes, with the properties that say what is where. Everything in it may be wrong. */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import type { MemoryView } from "../../../mem/view.js";
import { blobHeaderBytes, blobMagic, blobOffsets, cellsUsual, Token } from "../../../spec/devicetree/blob.js";
import { bytesAt } from "../acpi/bytes.js";

export interface TreeNode {
  readonly name: string;
  /** What it is, the most exact first. */
  readonly compatible: readonly string[];
  /** Cells of `reg`: bytes of an address, and of a size. */
  readonly cells: { readonly address: number; readonly size: number };
  readonly reg: Uint8Array | null;
  /** Addresses in it are the processor's: no bus on the way to it translates them. */
  readonly isPlain: boolean;
}

/** No real tree has more. */
const blobBytesMax = 2 ** 22;
const nodesMax = 65536;
const depthMax = 64;

/**
 * @param frames those that begin as a tree does
 * @returns the nodes of the first tree that can be read; null when there is none
 */
export function treeIn(image: MemoryView, frames: readonly number[]): TreeNode[] | null {
  for (const frame of frames) {
    const words = image.frame(frame as Mfn);
    if (words === undefined) continue;
    const bytes = new DataView(words.slice(0, blobHeaderBytes / 4).buffer).getUint32(blobOffsets.bytes);
    const blob = bytes <= blobBytesMax ? bytesAt(image, frame * frameBytes, bytes) : null;
    const nodes = blob === null ? null : nodesOf(blob);
    if (nodes !== null && nodes.length > 0) return nodes;
  }
  return null;
}

interface Open {
  readonly node: { -readonly [K in keyof TreeNode]: TreeNode[K] };
  /** Of the nodes below. */
  readonly below: { address: number; size: number };
  hasRanges: boolean;
  isMapped: boolean;
}

/** @returns null when the bytes are no tree, or end before it does */
export function nodesOf(blob: Uint8Array): TreeNode[] | null {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const word = (at: number) => (at >= 0 && at + 4 <= blob.length ? view.getUint32(at) : Number.NaN);
  if (blob.length < blobHeaderBytes || word(blobOffsets.magic) !== blobMagic) return null;
  const strings = word(blobOffsets.strings);
  const nodes: TreeNode[] = [];
  const path: Open[] = [];
  for (let at = word(blobOffsets.structure); nodes.length < nodesMax; ) {
    const token = word(at);
    at += 4;
    if (token === Token.last) return nodes;
    if (token === Token.nothing) continue;
    if (token === Token.begin && path.length < depthMax) {
      const name = textAt(blob, at);
      const above = path.at(-1);
      // Below the root addresses are the processor's; below a bus, where its `ranges` are empty.
      const isPlain = path.length < 2 || (above!.node.isPlain && above!.hasRanges && !above!.isMapped);
      const node = { name, compatible: [], cells: above?.below ?? cellsUsual, reg: null, isPlain };
      path.push({ node, below: { ...cellsUsual }, hasRanges: false, isMapped: false });
      nodes.push(node);
      at = aligned(at + name.length + 1);
    } else if (token === Token.end && path.pop() !== undefined) {
    } else if (token === Token.property && path.length > 0) {
      const length = word(at);
      const name = textAt(blob, strings + word(at + 4));
      if (!(at + 8 + length <= blob.length)) return null;
      take(path.at(-1)!, name, blob.subarray(at + 8, at + 8 + length));
      at = aligned(at + 8 + length);
    } else return null;
  }
  return null;
}

function take(open: Open, name: string, value: Uint8Array): void {
  if (name === "compatible")
    open.node.compatible = String.fromCharCode(...value)
      .split("\0")
      .filter(Boolean);
  else if (name === "reg") open.node.reg = value;
  else if (name === "#address-cells") open.below.address = numberOf(value);
  else if (name === "#size-cells") open.below.size = numberOf(value);
  else if (name === "ranges") {
    open.hasRanges = true;
    open.isMapped = value.length > 0;
  }
}

/** A number of so many big-endian cells; exact below 2^53. */
export const numberOf = (bytes: Uint8Array): number => bytes.reduce((n, b) => n * 256 + b, 0);

const aligned = (at: number): number => at + ((4 - (at % 4)) % 4);

function textAt(blob: Uint8Array, at: number): string {
  const end = blob.indexOf(0, at);
  return at >= 0 && end >= 0 ? String.fromCharCode(...blob.subarray(at, Math.min(end, at + 256))) : "";
}
