/** How a unit tells a processor: a write to the range of interrupt messages. */
export interface MessagePort {
  /** @param address as software put it into the unit's registers @param data likewise */
  send(address: number, data: number): void;
}
