/** The word that someone probably meant. */

/**
 * @returns the words that are nearest to `word`: those that hold it or that it holds, else those of the fewest mistakes,
 *   as long as these are few for its length; none when nothing is near.
 */
export function nearest(word: string, words: readonly string[]): string[] {
  const asked = word.toLowerCase();
  const near = words.map((w) => [mistakes(asked, w.toLowerCase()), w] as const);
  const least = Math.min(...near.map(([n]) => n));
  if (least <= Math.max(1, Math.floor(word.length / 3))) return near.filter(([n]) => n === least).map(([, w]) => w);
  if (word.length < 3) return [];
  return words.filter((w) => w.toLowerCase().includes(asked) || (w.length >= 3 && asked.includes(w.toLowerCase())));
}

/** "(did you mean a or b?)", with a space before it; "" when nothing is near. */
export function didYouMean(word: string, words: readonly string[]): string {
  const near = nearest(word, words).slice(0, 3);
  return near.length === 0 ? "" : ` (did you mean ${near.join(" or ")}?)`;
}

/** Letters to change, insert, leave out or exchange with their neighbour (optimal string alignment). */
function mistakes(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
