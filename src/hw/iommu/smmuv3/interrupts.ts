/**
 * Interrupts of an SMMUv3: messages to where software wants them, which may be plain memory, and wires.
 *
 * Source: IHI 0070 G, 3.18 (messages of 32 bits, edges of wires), 6.3.16 (enables), 6.3.20 and 6.3.30 (address 0: none).
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { Memory } from "../../../mem/memory.js";
import { InterruptControl, MessageAddress } from "../../../spec/smmuv3/control_registers.js";
import { Idr0 } from "../../../spec/smmuv3/registers.js";
import type { MessagePort } from "../core/message_port.js";
import type { SmmuRegisters } from "./registers.js";

/** What an interrupt tells of. */
export type InterruptSource = "event queue" | "global error" | "completion";

export interface InterruptParts {
  readonly memory: Memory;
  readonly registers: SmmuRegisters;
  readonly messages: MessagePort;
  /** Whether a message to this address is an interrupt, and no write to memory. Left out: what lies beyond memory is. */
  readonly isDoorbell?: (address: number) => boolean;
  /** A pulse on a wire. Left out: there are none. */
  readonly wire?: (source: InterruptSource) => void;
}

export class SmmuInterrupts {
  readonly #o: InterruptParts;

  constructor(o: InterruptParts) {
    this.#o = o;
  }

  /** Tell of events or of a global error, where software wants to be told. */
  raise(source: "event queue" | "global error"): void {
    const { registers } = this.#o;
    const ofEvents = source === "event queue";
    const enable = ofEvents ? InterruptControl.eventq : InterruptControl.gerror;
    if (registers.read("irqCtrlAck", enable) === 0) return;
    const [at, data] = ofEvents
      ? (["eventqIrqCfg0", "eventqIrqCfg1"] as const)
      : (["gerrorIrqCfg0", "gerrorIrqCfg1"] as const);
    const pair = new Uint32Array(2);
    registers.read64(registers.map.registers[at].offset, pair);
    this.send(source, read(pair, 0, MessageAddress.address) * 4, registers.get(data));
  }

  /** @param address 0: no message, the wire alone */
  send(source: InterruptSource, address: number, data: number): void {
    const { memory, registers, messages, isDoorbell, wire } = this.#o;
    wire?.(source);
    if (address === 0 || registers.read("idr0", Idr0.msi) === 0) return;
    const isInside = address + 4 <= memory.frameCount * frameBytes;
    if (isInside && isDoorbell?.(address) !== true) memory.store32(address, data);
    else messages.send(address, data);
  }
}
