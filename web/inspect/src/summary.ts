/** What a stretch of the map holds, in words. */
import { bytes, plural } from "../../shared/format";
import { addressHex, pageHex } from "./address";
import { type Blocks, blocksUpTo } from "./columns";
import { held, nameOf, open, permWords, reachName } from "./data";
import { whoReaches } from "./look_up";
import type { Sweep } from "./sweep";

export function stretchWords(sweep: Sweep, page: number, pages: number): string {
  if (pages === 1) return pageWords(page);
  const owners = new Map<number, number>();
  let shared = 0;
  overlaps(sweep, page, page + pages, (count, i) => {
    const members = sweep.sets[sweep.set[i]!]!;
    if (members.length > 1) shared += count;
    for (const reach of members) owners.set(reach, (owners.get(reach) ?? 0) + count);
  });
  let here = 0;
  overlaps(held, page, page + pages, (count) => (here += count));
  const last = addressHex(BigInt(page + pages) * 4096n - 1n);
  const parts = [...owners].sort((a, b) => b[1] - a[1]).map(([reach, n]) => `${reachName(reach)} ${plural(n, "page")}`);
  return [
    `${pageHex(page)} to ${last}, ${bytes(pages * 4096)}`,
    ...(parts.length === 0 ? ["reached by no table"] : parts.slice(0, 4)),
    ...(parts.length > 4 ? [`and ${parts.length - 4} more`] : []),
    ...(shared > 0 ? [`${plural(shared, "page")} shared`] : []),
    ...(here < pages ? [here === 0 ? "not in the image" : `${plural(here, "page")} in the image`] : []),
  ].join(" · ");
}

function pageWords(page: number): string {
  const { ways, held: isHeld } = whoReaches(page);
  const own = ways.filter((w) => !w.open);
  const words = own
    .slice(0, 4)
    .map(({ device, iova, allow }) =>
      iova === null
        ? `${nameOf(device)} somewhere near`
        : `${nameOf(device)} ${permWords[allow & 3]} at ${pageHex(iova)}`,
    );
  return [
    pageHex(page),
    ...(own.length === 0 ? ["reached by no table"] : words),
    ...(own.length > 4 ? [`and ${own.length - 4} more ways`] : []),
    ...(isHeld ? [] : ["not in the image"]),
    ...(open.length === 0 ? [] : [`and by ${plural(open.length, "device")} without a table`]),
  ].join(" · ");
}

function overlaps(blocks: Blocks, from: number, to: number, visit: (pages: number, block: number) => void): void {
  for (let i = Math.max(0, blocksUpTo(blocks.from, blocks.count, from) - 1); i < blocks.count; i++) {
    if (blocks.from[i]! >= to) return;
    const pages = Math.min(to, blocks.to[i]!) - Math.max(from, blocks.from[i]!);
    if (pages > 0) visit(pages, i);
  }
}
