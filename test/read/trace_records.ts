/** Formats as a kernel of a given time would show them, and records by them. */

/** A field: its C declaration and bytes; `__data_loc` ones take four. */
export type FieldLine = readonly [declared: string, size: number];

export interface MadeFormat {
  readonly text: string;
  readonly id: number;
  readonly fields: readonly FieldLine[];
  readonly offsets: readonly number[];
  readonly fixedBytes: number;
}

const common: readonly FieldLine[] = [
  ["unsigned short common_type", 2],
  ["unsigned char common_flags", 1],
  ["unsigned char common_preempt_count", 1],
  ["int common_pid", 4],
];

export function makeFormat(name: string, id: number, own: readonly FieldLine[]): MadeFormat {
  const fields = [...common, ...own];
  let at = 0;
  const offsets = fields.map(([, size]) => {
    const offset = Math.ceil(at / size) * size;
    at = offset + size;
    return offset;
  });
  const lines = fields.map(([d, size], i) => `\tfield:${d};\toffset:${offsets[i]};\tsize:${size};\tsigned:0;\n`);
  const text = `name: ${name}\nID: ${id}\nformat:\n${lines.slice(0, 4).join("")}\n${lines.slice(4).join("")}\nprint fmt: ""\n`;
  return { text, id, fields, offsets, fixedBytes: at };
}

export type FieldValue = number | bigint | string | readonly (number | bigint)[];

/** @param values of the own fields in order: numbers, strings, lists. Little endian. */
export function makeRecord(format: MadeFormat, pid: number, flags: number, values: readonly FieldValue[]): Uint8Array {
  const out = Buffer.alloc(4096);
  let end = format.fixedBytes;
  const put = (at: number, size: number, value: number | bigint) => {
    const b = Buffer.alloc(8);
    b.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
    b.copy(out, at, 0, size);
  };
  [format.id, flags, 0, pid, ...values].forEach((value, i) => {
    const [declared, size] = format.fields[i]!;
    const at = format.offsets[i]!;
    if (typeof value === "number" || typeof value === "bigint") {
      put(at, size, value);
      return;
    }
    const step = declared.includes("u64[]") ? 8 : declared.includes("int[]") ? 4 : 1;
    const items = typeof value === "string" ? [...Buffer.from(`${value}\0`)] : value;
    put(at, 4, end + items.length * step * 65536);
    for (const item of items) {
      put(end, step, item);
      end += step;
    }
  });
  return Uint8Array.from(out.subarray(0, Math.ceil(end / 4) * 4));
}
