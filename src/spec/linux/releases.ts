/**
 * Releases of Linux.
 * Source: git tags of torvalds/linux: the last release of each series. The newest one known here is that of the newest kernel
 * of which there are recordings: Debian's 7.3.4. It is taken to follow the rules of its predecessors (6.9 and later), and
 * so do the bounces that were recorded of it, as far as the masks of the driver that made them are known.
 */

/** Series, first and last release of it. */
const series: readonly (readonly [major: number, first: number, last: number])[] = [
  [2, 6, 6],
  [3, 0, 19],
  [4, 0, 20],
  [5, 0, 19],
  [6, 0, 19],
  [7, 0, 3],
];

/** The third number of 2.6.x. */
const lastOf26 = 39;

export const oldestRelease = "2.6.0";
export const newestRelease = "7.3";

/** Is there a kernel of this release, with or without a stable number and what distributions append? */
export function isRelease(text: string): boolean {
  const [, major, minor, third] = /^(\d+)\.(\d+)(?:\.(\d+))?(?:[-+.~_].*)?$/.exec(text) ?? [];
  if (major === undefined) return false;
  const found = series.find(([m]) => m === Number(major));
  if (found === undefined || Number(minor) < found[1] || Number(minor) > found[2]) return false;
  return Number(major) > 2 || third === undefined || Number(third) <= lastOf26;
}

/** Was this release out before another one? Of both, the first three numbers count. */
export function isBefore(release: string, other: string): boolean {
  const [a, b] = [release, other].map((text) =>
    text
      .split(/[-+~_]/)[0]!
      .split(".")
      .slice(0, 3)
      .map(Number),
  );
  for (let n = 0; n < 3; n++) {
    const by = (a![n] ?? 0) - (b![n] ?? 0);
    if (by !== 0) return by < 0;
  }
  return false;
}
