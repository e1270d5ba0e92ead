/**
 * Software's side of the command queue of an SMMUv3: commands with a CMD_SYNC behind them.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_cmdq_issue_cmdlist, __arm_smmu_cmdq_poll_until_msi: the
 * message of a CMD_SYNC is stored over the command itself; __arm_smmu_cmdq_skip_err: a command that was refused becomes a
 * CMD_SYNC, and one that failed for a device is tried again).
 */
import { read } from "../../../bits/field.js";
import { CommandError } from "../../../spec/smmuv3/commands.js";
import { CommandConsumer, GlobalError } from "../../../spec/smmuv3/control_registers.js";
import { smmuRegisters } from "../../../spec/smmuv3/register_map.js";
import type { UnitPorts } from "../ports.js";
import type { Posted, Submitted } from "../unit_driver.js";
import { sync } from "./commands.js";
import { placeQueue } from "./queues.js";

const entryBytes = 16;
const { cmdqProd, cmdqCons, gerror, gerrorn } = smmuRegisters.registers;

export class CommandQueue {
  readonly #ports: UnitPorts;
  readonly #posted: Posted;
  readonly #at: number;
  readonly #entries: number;
  /** Index with the wrap bit above it. */
  #prod = 0;

  constructor(ports: UnitPorts, posted: Posted) {
    this.#ports = ports;
    this.#posted = posted;
    const { at, entries } = placeQueue(ports, "commands");
    this.#at = at;
    this.#entries = entries;
  }

  /** Post commands and a CMD_SYNC, tell the unit, and wait until it is done. */
  submit(...commands: readonly Uint32Array[]): Submitted {
    const { memory } = this.#ports;
    for (const words of commands) if (!this.#post(words)) return "unanswered";
    const at = this.#slot(this.#prod);
    if (!this.#post(sync(at))) return "unanswered";
    return this.#wait(() => memory.load32(at) === 0) ? "done" : "unanswered";
  }

  /** Look after errors, and let a queue go on that one has stopped. @returns false when there is none, or no way on */
  recover(): boolean {
    const { registers, memory } = this.#ports;
    const now = registers.read32(gerror.offset);
    const active = now ^ registers.read32(gerrorn.offset);
    if (read([active], 0, GlobalError.cmdq) === 1) {
      const cons = registers.read32(cmdqCons.offset);
      const error = read([cons], 0, CommandConsumer.err);
      if (error === CommandError.illegal) memory.store(this.#slot(read([cons], 0, CommandConsumer.rd)), sync(0));
      // Where memory does not hold the queue, it never will.
      if (error === CommandError.abort) return false;
    }
    if (active !== 0) registers.write32(gerrorn.offset, now);
    return active !== 0;
  }

  /** @returns false when the queue is full and stays so */
  #post(words: Uint32Array): boolean {
    const { memory, registers } = this.#ports;
    if (this.#isFull && !this.#wait(() => !this.#isFull)) return false;
    memory.store(this.#slot(this.#prod), words);
    this.#prod = (this.#prod + 1) % (2 * this.#entries);
    registers.write32(cmdqProd.offset, this.#prod);
    this.#posted(words);
    return true;
  }

  #wait(until: () => boolean): boolean {
    while (!this.#ports.spin(until)) if (!this.recover()) return false;
    return true;
  }

  #slot(index: number): number {
    return this.#at + (index % this.#entries) * entryBytes;
  }

  get #isFull(): boolean {
    const cons = read([this.#ports.registers.read32(cmdqCons.offset)], 0, CommandConsumer.rd);
    return (this.#prod - cons + 2 * this.#entries) % (2 * this.#entries) === this.#entries;
  }
}
