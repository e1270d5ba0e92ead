/**
 * Who hears of a command when the unit carries it out: a monitor that gave a guest this unit, and has what the guest asks of it
 * asked of the real one. When it returns, that is done. @param command its words, to be kept
 */
export type CarriedOut = (command: Uint32Array) => void;
