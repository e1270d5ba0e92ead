/** Thrown for arguments that make no sense; the message is one line that says what is allowed. */
export class AskedWrongly extends Error {
  override readonly name = "AskedWrongly";
}

/** Thrown when something cannot be written; the message is one line: where, what for, why not. */
export class Unwritable extends Error {
  override readonly name = "Unwritable";
}
