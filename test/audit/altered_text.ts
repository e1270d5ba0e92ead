/** Texts with a word gone, cut or longer, and what is read from each of them, in a line that can be written down. */
import { createHash } from "node:crypto";

/** Each word taken out, its last letter cut, and each number one digit longer. */
export function alterations(text: string): string[] {
  const words = [...text.matchAll(/[^\s,=[\]():]+/g)];
  return words.flatMap(({ 0: word, index }) => {
    const [before, after] = [text.slice(0, index), text.slice(index + word.length)];
    const longer = /\d$/.test(word) ? [`${before}${word}7${after}`] : [];
    return [`${before}${after}`, `${before}${word.slice(0, -1)}${after}`, ...longer];
  });
}

/** Each single character taken out, and each stretch of blanks doubled. */
export function slips(text: string): string[] {
  const without = Array.from(text, (_, n) => text.slice(0, n) + text.slice(n + 1));
  const wider = [...text.matchAll(/ +|\t/g)].map(({ index }) => `${text.slice(0, index)} ${text.slice(index)}`);
  return [...without, ...wider];
}

/** @param read may throw: the message is what it says */
export function hashOfAll(texts: readonly string[], read: (text: string) => unknown): string {
  const hash = createHash("sha1");
  for (const text of texts) {
    try {
      hash.update(JSON.stringify(read(text)));
    } catch (error) {
      hash.update((error as Error).message);
    }
    hash.update("\n");
  }
  return hash.digest("hex").slice(0, 8);
}
