/** The page's own modules, run outside a browser. */
import { vi } from "vitest";
import type { PageTableNode, PageTableRoot } from "../../../src/report/index.js";

export interface Way {
  readonly device: number;
  readonly iova: number;
  readonly paddr: number;
  readonly allow: number;
}
export interface LookUp {
  whoReaches(page: number): { readonly held: boolean; readonly ways: readonly Way[] };
  whereLeads(asked: object): { readonly devices: readonly { readonly device: number; readonly way: Way | null }[] };
}
export interface TreeEntry {
  readonly index: number;
  readonly value: bigint;
  readonly iova: bigint;
  readonly target: string;
  readonly lead: number;
  readonly sizeLg2: number;
}
export interface Tree {
  entriesOf(node: PageTableNode, base: bigint): TreeEntry[];
  canonical(root: PageTableRoot, iova: bigint): bigint;
  walkTree(
    root: object,
    address: bigint,
  ): readonly {
    readonly name: string;
    readonly node: { readonly address: string; readonly spanLg2: number };
    readonly entry: {
      readonly value: bigint;
      readonly target: string;
      readonly lead: number;
      readonly sizeLg2: number;
    } | null;
    readonly index: number;
  }[];
}

/** The page's modules, as they are on a page that carries this. The names are kept from the compiler: it has no DOM. */
export async function pageOf(data: object): Promise<LookUp & Tree> {
  vi.resetModules();
  vi.stubGlobal("document", { getElementById: () => ({ textContent: JSON.stringify(data) }) });
  const folder = "../../../web/inspect/src";
  return { ...(await import(`${folder}/look_up.ts`)), ...(await import(`${folder}/tree.ts`)) };
}
