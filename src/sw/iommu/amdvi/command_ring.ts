/**
 * Software's side of the command buffer of an AMD-Vi unit: commands with a completion wait behind them.
 *
 * Source: Linux drivers/iommu/amd/iommu.c (__iommu_queue_command_sync, iommu_completion_wait, wait_on_sem): all waits of a unit
 * store into one word, each a larger number than the one before; where nothing was asked since the last one, none is needed.
 */
import { frameBytes } from "../../../base/frame.js";
import { u64 } from "../../../base/u64.js";
import { write } from "../../../bits/field.js";
import { commandBytes } from "../../../spec/amdvi/commands.js";
import { BufferBase, BufferPointer } from "../../../spec/amdvi/queue_registers.js";
import { amdviRegisters } from "../../../spec/amdvi/register_map.js";
import { Control } from "../../../spec/amdvi/registers.js";
import type { UnitPorts } from "../ports.js";
import type { Posted, Submitted } from "../unit_driver.js";
import { completionWait } from "./commands.js";
import type { UnitControl } from "./control.js";

const entriesLg2 = 9;
const entries = 2 ** entriesLg2;
/** Entries that stay free: a full ring could not be told from an empty one. */
const spare = 2;
const { cmdbuf, cmdHead, cmdTail } = amdviRegisters.registers;

export class CommandRing {
  readonly #ports: UnitPorts;
  readonly #posted: Posted;
  readonly #at: number;
  readonly #statusAt: number;
  #tail = 0;
  #sent = 0;
  #needsWait = false;

  constructor(ports: UnitPorts, control: UnitControl, posted: Posted) {
    this.#ports = ports;
    this.#posted = posted;
    this.#at = ports.allocate((entries * commandBytes) / frameBytes) * frameBytes;
    this.#statusAt = ports.allocate(1) * frameBytes;
    const base = new Uint32Array(2);
    write(base, 0, BufferBase.frame, (this.#at / frameBytes) as never);
    write(base, 0, BufferBase.length, entriesLg2);
    control.set(Control.cmdBufEn, 0);
    ports.registers.write64(cmdbuf.offset, base[0]!, base[1]!);
    ports.registers.write64(cmdHead.offset, 0, 0);
    ports.registers.write64(cmdTail.offset, 0, 0);
    control.set(Control.cmdBufEn, 1);
  }

  /** Post commands, tell the unit, and wait until they are done. */
  submit(...commands: readonly Uint32Array[]): Submitted {
    const { memory, spin } = this.#ports;
    for (const command of commands) {
      if (!this.#post(command)) return "unanswered";
      this.#needsWait = true;
    }
    if (!this.#needsWait) return "done";
    const number = ++this.#sent;
    if (!this.#post(completionWait(this.#statusAt, number))) return "unanswered";
    this.#needsWait = false;
    const stored = () => u64(memory.load32(this.#statusAt), memory.load32(this.#statusAt + 4));
    return spin(() => stored() >= number) ? "done" : "unanswered";
  }

  /** @returns false when the ring is full and stays so */
  #post(command: Uint32Array): boolean {
    const { memory, registers, spin } = this.#ports;
    if (this.#room < spare && !spin(() => this.#room >= spare)) return false;
    memory.store(this.#at + this.#tail * commandBytes, command);
    this.#tail = (this.#tail + 1) % entries;
    registers.write64(cmdTail.offset, pointer(this.#tail), 0);
    this.#posted(command);
    return true;
  }

  /** Entries that are free, less one. */
  get #room(): number {
    const head = this.#ports.registers.read32(cmdHead.offset) / commandBytes;
    return (head - this.#tail - 1 + entries) % entries;
  }
}

function pointer(entry: number): number {
  const words = new Uint32Array(1);
  write(words, 0, BufferPointer.entry, entry);
  return words[0]!;
}
