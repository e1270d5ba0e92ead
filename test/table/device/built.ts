/** Device tables built field by field, for tests. */
import { type Field, write } from "../../../src/bits/index.js";
import { Memory } from "../../../src/mem/index.js";
import type { Abilities, Attachment, LookupFault, UnitRoot } from "../../../src/table/device/attachment.js";
import { deviceTables } from "../../../src/table/device/index.js";

/** 64 MiB of memory, of which only written frames are held. */
export class Built {
  readonly memory = new Memory(0x4000);

  /** Write a structure; fields that are not named are zero. */
  put(at: number, layout: object, values: Readonly<Record<string, number>>): this {
    const fields = layout as Readonly<Record<string, Field>> & { readonly $: { readonly bitCount: number } };
    const words = new Uint32Array(fields.$.bitCount / 32);
    for (const [name, value] of Object.entries(values)) {
      const field = fields[name];
      if (field === undefined) throw new Error(`there is no field ${name}`);
      write(words, 0, field, value);
    }
    this.memory.write(at, new Uint8Array(words.buffer));
    return this;
  }

  /** Set one bit of what stands at `at`. */
  bit(at: number, n: number): this {
    const byte = new Uint8Array(1);
    this.memory.read(at + (n >> 3), byte);
    byte[0] = byte[0]! | (1 << (n & 7));
    this.memory.write(at + (n >> 3), byte);
    return this;
  }
}

export function unit(
  kind: UnitRoot["kind"],
  mode: string,
  more: Partial<UnitRoot> & { abilities?: Abilities } = {},
): UnitRoot {
  return {
    kind,
    mode,
    root: 0x1000,
    size: 4096,
    split: 0,
    registersAt: null,
    translating: null,
    interruptRemapping: null,
    interruptTable: null,
    outputBits: 48,
    found: "given",
    segment: 0,
    ...more,
  };
}

export function lookup(of: Built, u: UnitRoot, requester: number, pasid: number | null): Attachment | LookupFault {
  return deviceTables[u.kind].lookup(of.memory, u, requester, pasid);
}

/** The fault's code, or the attachment's state. */
export function outcome(found: Attachment | LookupFault): string {
  if (!("code" in found)) return found.state;
  return found.code === null ? "unknown" : `0x${found.code.toString(16)}`;
}
