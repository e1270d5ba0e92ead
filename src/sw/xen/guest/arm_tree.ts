/**
 * The page map of an Arm guest that is mapped one to one: only what is foreign is kept, as a search tree of ranges by
 * page number; absent means the number itself. There is no way back from a frame.
 * Source: Linux arch/arm/xen/p2m.c (rb-tree phys_to_mach, p2m_lock; the race of CVE-2022-33744).
 */
import type { Steps } from "../steps.js";

interface Node {
  page: number;
  frame: number;
  count: number;
  left: number;
  right: number;
}

const nil = -1;

export class ArmTree {
  readonly #nodes: Node[] = [];
  readonly #unused: number[] = [];
  #root = nil;
  size = 0;

  /** @returns false when a range starts at this page already; other overlaps are not seen. */
  add(page: number, frame: number, count: number): boolean {
    let parent = nil;
    for (let n = this.#root; n !== nil; ) {
      const node = this.#nodes[n]!;
      if (node.page === page) return false;
      parent = n;
      n = page < node.page ? node.left : node.right;
    }
    const n = this.#unused.pop() ?? this.#nodes.length;
    this.#nodes[n] = { page, frame, count, left: nil, right: nil };
    if (parent === nil) this.#root = n;
    else this.#nodes[parent]![page < this.#nodes[parent]!.page ? "left" : "right"] = n;
    this.size++;
    return true;
  }

  /** Forget the range that holds this page, all of it; nothing happens when there is none. */
  remove(page: number): void {
    let parent = nil;
    let n = this.#root;
    while (n !== nil && !holds(this.#nodes[n]!, page)) {
      parent = n;
      n = page < this.#nodes[n]!.page ? this.#nodes[n]!.left : this.#nodes[n]!.right;
    }
    if (n === nil) return;
    this.#relink(parent, n, this.#withoutTop(n));
    this.#unused.push(n);
    // A freed node's memory is soon another's: what a late reader finds there is nonsense, and ends the tree.
    this.#nodes[n] = { page: 0, frame: 0, count: 0, left: nil, right: nil };
    this.size--;
  }

  /** The foreign frame at a page, or the page itself. */
  frameOf(page: number): number {
    return this.#descend(this.#root, page);
  }

  /** A lookup whose root is read before the lock is taken (the race) or under it. */
  *frameOfSteps(page: number, rootUnlocked: boolean): Steps<number> {
    const early = this.#root;
    yield "about to take the lock";
    return this.#descend(rootUnlocked ? early : this.#root, page);
  }

  #descend(root: number, page: number): number {
    for (let n = root; n !== nil; ) {
      const node = this.#nodes[n]!;
      if (holds(node, page)) return node.frame + (page - node.page);
      n = page < node.page ? node.left : node.right;
    }
    return page;
  }

  /** The two subtrees of a node joined. @returns the top of what remains. */
  #withoutTop(n: number): number {
    const { left, right } = this.#nodes[n]!;
    if (left === nil) return right;
    if (right === nil) return left;
    let first = right;
    while (this.#nodes[first]!.left !== nil) first = this.#nodes[first]!.left;
    this.#nodes[first]!.left = left;
    return right;
  }

  #relink(parent: number, from: number, to: number): void {
    if (parent === nil) this.#root = to;
    else this.#nodes[parent]![this.#nodes[parent]!.left === from ? "left" : "right"] = to;
  }
}

const holds = (node: Node, page: number): boolean => page >= node.page && page < node.page + node.count;
