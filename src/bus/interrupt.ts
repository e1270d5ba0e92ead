/** How a device asks the processor to look at it. */
import { MachineState } from "../state/machine_state.js";
import { cell, type Live, record } from "../state/record.js";

/** A device's line, or message, to the processor. */
export interface Interrupt {
  readonly isPending: boolean;
  /** The processor enters the handler. A message (MSI-X) is used up by that; a wire stays raised until its cause is gone. */
  enter(): void;
}

const Message = record("message interrupt", { pending: cell<0 | 1>("1 = nobody has entered the handler for it") });

/** Messages that nobody has entered the handler for are one. */
export class MessageInterrupt implements Interrupt {
  readonly #s: Live<typeof Message.drafts>;

  /** @param state where it is kept; a machine that is explored gives its own */
  constructor(state: MachineState = new MachineState(), name = "message interrupt") {
    this.#s = state.place(Message, name);
  }

  get isPending(): boolean {
    return this.#s.pending === 1;
  }

  set isPending(is: boolean) {
    this.#s.pending = is ? 1 : 0;
  }

  enter(): void {
    this.isPending = false;
  }
}
