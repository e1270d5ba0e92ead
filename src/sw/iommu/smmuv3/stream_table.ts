/**
 * The stream table of an SMMUv3 as its driver keeps it: two levels, each second-level table made when a stream of it is used,
 * every stream aborted until it is attached.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_init_strtab_2lvl, arm_smmu_init_initial_stes,
 * arm_smmu_write_entry).
 */
import { frameBytes } from "../../../base/frame.js";
import { u64High, u64Low } from "../../../base/u64.js";
import { type Field, read, write } from "../../../bits/field.js";
import { smmuRegisters } from "../../../spec/smmuv3/register_map.js";
import { Idr1, StreamTableConfig } from "../../../spec/smmuv3/registers.js";
import {
  L1StreamDescriptor,
  l1StreamDescriptorBytes,
  StreamConfig,
  StreamEntry,
  streamEntryBytes,
} from "../../../spec/smmuv3/stream_table.js";
import type { UnitPorts } from "../ports.js";

const { idr1, strtabBase, strtabBaseCfg } = smmuRegisters.registers;
/** Bits of a stream id that the second level resolves. */
const split = 8;
const twoLevel = 1;

export class StreamTable {
  readonly #ports: UnitPorts;
  readonly #at: number;

  constructor(ports: UnitPorts) {
    this.#ports = ports;
    const { registers } = ports;
    const sidBits = read([registers.read32(idr1.offset)], 0, Idr1.sidSize);
    const bytes = 2 ** Math.max(sidBits - split, 0) * l1StreamDescriptorBytes;
    this.#at = ports.allocate(Math.max(1, bytes / frameBytes)) * frameBytes;
    const config = new Uint32Array(1);
    write(config, 0, StreamTableConfig.fmt, twoLevel);
    write(config, 0, StreamTableConfig.split, split);
    write(config, 0, StreamTableConfig.log2size, sidBits);
    registers.write64(strtabBase.offset, u64Low(this.#at), u64High(this.#at));
    registers.write32(strtabBaseCfg.offset, config[0]!);
  }

  /** The byte address of a stream's entry. */
  entryAt(stream: number): number {
    const { memory } = this.#ports;
    const at = this.#at + Math.floor(stream / 2 ** split) * l1StreamDescriptorBytes;
    const words = Uint32Array.of(memory.load32(at), memory.load32(at + 4));
    if (read(words, 0, L1StreamDescriptor.span) === 0) {
      write(words, 0, L1StreamDescriptor.l2, this.#secondLevel() / 64);
      write(words, 0, L1StreamDescriptor.span, split + 1);
      memory.store(at, words);
    }
    return read(words, 0, L1StreamDescriptor.l2) * 64 + (stream % 2 ** split) * streamEntryBytes;
  }

  #secondLevel(): number {
    const bytes = 2 ** split * streamEntryBytes;
    const at = this.#ports.allocate(bytes / frameBytes) * frameBytes;
    const aborts = entryWords(StreamEntry, { v: 1, config: StreamConfig.abort });
    for (let n = 0; n < 2 ** split; n++) this.#ports.memory.store(at + n * streamEntryBytes, aborts);
    return at;
  }
}

/** The sixteen words of an entry of a stream table, or of a context descriptor. */
export function entryWords<L extends object>(layout: L, values: { readonly [K in keyof L]?: number }): Uint32Array {
  const w = new Uint32Array(streamEntryBytes / 4);
  for (const [name, value] of Object.entries(values)) write(w, 0, layout[name as keyof L] as Field, value as number);
  return w;
}

/**
 * Put an entry in the place of one that leads nowhere: first what does not count as yet, then the 64 bits that decide. The
 * unit may fetch 64 bits at a time, and looks again after each.
 */
export function replaceEntry(ports: UnitPorts, at: number, words: Uint32Array, forget: () => void): void {
  for (let n = 2; n < words.length; n += 2) ports.memory.store(at + n * 4, words.subarray(n, n + 2));
  forget();
  ports.memory.store(at, words.subarray(0, 2));
  forget();
}
