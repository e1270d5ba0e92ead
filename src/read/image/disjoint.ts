/** Ranges that may overlap, made into ranges that do not: where several claim a byte, one of them is chosen. */

/** Columns of one length, ascending by `from` and without overlaps. */
export interface Disjoint {
  readonly count: number;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Which of the given ranges this part belongs to. */
  readonly which: Uint32Array;
}

/** Columns of one length: range i is from[i] to to[i], half open, in the order in which they were listed. */
export interface Ranges {
  readonly count: number;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/**
 * @param wins who keeps a byte that several ranges claim: the one listed first, or the one listed last
 * Time n log n, whatever the overlaps; at most 2 n parts.
 */
export function disjoint(r: Ranges, wins: "first" | "last"): Disjoint {
  const { from, to } = r;
  const order = ascending(r);
  const out = new Parts(Math.max(1, order.length));
  const heap = new Heap(wins === "first" ? 1 : -1);
  let at = 0;
  for (let k = 0; k < order.length || heap.size > 0; ) {
    if (heap.size === 0) at = Math.max(at, from[order[k]!]!);
    while (k < order.length && from[order[k]!]! <= at) heap.push(order[k++]!);
    const top = heap.top;
    if (to[top]! <= at) {
      heap.pop();
      continue;
    }
    const end = k < order.length ? Math.min(to[top]!, from[order[k]!]!) : to[top]!;
    out.add(at, end, top);
    at = end;
  }
  return out;
}

/** Indexes of the ranges that are not empty, by where they begin. */
function ascending(r: Ranges): Uint32Array {
  const order = new Uint32Array(r.count);
  let count = 0;
  let sorted = true;
  for (let i = 0; i < r.count; i++) {
    if (!(r.to[i]! > r.from[i]!)) continue;
    if (count > 0 && r.from[i]! < r.from[order[count - 1]!]!) sorted = false;
    order[count++] = i;
  }
  const kept = order.subarray(0, count);
  return sorted ? kept : kept.sort((a, b) => r.from[a]! - r.from[b]!);
}

class Parts implements Disjoint {
  count = 0;
  from: Float64Array;
  to: Float64Array;
  which: Uint32Array;

  constructor(capacity: number) {
    this.from = new Float64Array(capacity);
    this.to = new Float64Array(capacity);
    this.which = new Uint32Array(capacity);
  }

  add(from: number, to: number, which: number): void {
    const last = this.count - 1;
    if (last >= 0 && this.which[last] === which && this.to[last] === from) {
      this.to[last] = to;
      return;
    }
    if (this.count === this.from.length) this.#grow();
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.which[this.count++] = which;
  }

  #grow(): void {
    const capacity = this.from.length * 2;
    const from = new Float64Array(capacity);
    from.set(this.from);
    const to = new Float64Array(capacity);
    to.set(this.to);
    const which = new Uint32Array(capacity);
    which.set(this.which);
    this.from = from;
    this.to = to;
    this.which = which;
  }
}

/** Numbers of which the least (sign 1) or the greatest (sign -1) is on top. */
class Heap {
  readonly #items: number[] = [];
  readonly #sign: 1 | -1;

  constructor(sign: 1 | -1) {
    this.#sign = sign;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The number on top; only when there is one. */
  get top(): number {
    return this.#items[0]!;
  }

  push(n: number): void {
    const a = this.#items;
    let i = a.push(n) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!this.#above(a[i]!, a[up]!)) break;
      this.#swap(i, up);
      i = up;
    }
  }

  pop(): void {
    const a = this.#items;
    const last = a.pop()!;
    if (a.length === 0) return;
    a[0] = last;
    for (let i = 0; ; ) {
      let best = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < a.length && this.#above(a[child]!, a[best]!)) best = child;
      }
      if (best === i) return;
      this.#swap(i, best);
      i = best;
    }
  }

  #above(a: number, b: number): boolean {
    return (a - b) * this.#sign < 0;
  }

  #swap(i: number, j: number): void {
    const a = this.#items;
    const t = a[i]!;
    a[i] = a[j]!;
    a[j] = t;
  }
}
