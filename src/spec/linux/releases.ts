/**
 * Releases of Linux.
 * Source: git tags of torvalds/linux: the last release of each series, and the newest one known here.
 */

/** Series, first and last release of it. */
const series: readonly (readonly [major: number, first: number, last: number])[] = [
  [2, 6, 6],
  [3, 0, 19],
  [4, 0, 20],
  [5, 0, 19],
  [6, 0, 19],
  [7, 0, 2],
];

/** The third number of 2.6.x. */
const lastOf26 = 39;

export const oldestRelease = "2.6.0";
export const newestRelease = "7.2";

/** Is there a kernel of this release, with or without a stable number and what distributions append? */
export function isRelease(text: string): boolean {
  const [, major, minor, third] = /^(\d+)\.(\d+)(?:\.(\d+))?(?:[-+.~_].*)?$/.exec(text) ?? [];
  if (major === undefined) return false;
  const found = series.find(([m]) => m === Number(major));
  if (found === undefined || Number(minor) < found[1] || Number(minor) > found[2]) return false;
  return Number(major) > 2 || third === undefined || Number(third) <= lastOf26;
}
