/** Thrown for arguments that make no sense; the message is one line that says what is allowed. */
export class AskedWrongly extends Error {
  override readonly name = "AskedWrongly";
}
