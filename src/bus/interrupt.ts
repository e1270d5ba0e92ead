/** How a device asks the processor to look at it. */

export interface Interrupt {
  readonly isPending: boolean;
  /** The processor enters the handler. A message (MSI-X) is used up by that; a wire stays raised until its cause is gone. */
  enter(): void;
}

/** Messages that nobody has entered the handler for are one. */
export class MessageInterrupt implements Interrupt {
  isPending = false;
  enter(): void {
    this.isPending = false;
  }
}
