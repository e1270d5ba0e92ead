/** Thrown when this library is wrong: never caught, always a bug to fix here. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** Thrown when the caller is wrong: the message says what was given and what is allowed. */
export class Misuse extends Error {
  override readonly name = "Misuse";
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** State what must hold here; one condition to a call, so that a failure names it. */
export function assert(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Broken(what);
}
