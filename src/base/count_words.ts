/** Counts as people read them. */

/** "32,768": thousands apart, the same in every locale. */
export function countWords(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 slot", "1,642 slots". @param many the plural when it is not the singular and an s. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countWords(count)} ${count === 1 ? one : many}`;
}
