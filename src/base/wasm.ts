/**
 * Modules of WebAssembly, as `npm run build` makes them of wasm/: hot loops that run several times as fast there. Each has
 * a twin in TypeScript that does the same, and that is what runs where an engine has no WebAssembly, or none with SIMD.
 */

/** The little of it that is used: TypeScript declares it among what a browser's page has, and Node's types do not. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { env: { memory: WasmMemory } }) => { readonly exports: object };
};

/** Memory that a module shares with its caller. It never grows, so that views of it stay valid. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** A number that a module exports. */
export interface WasmGlobal {
  value: number;
}

const pageBytes = 65536;
/** By their text; null for one that the engine refused. */
const modules = new Map<string, object | null>();

/**
 * Start a module on memory of its own.
 *
 * @param base64 the module, from `base/wasm/`
 * @param bytes how much memory it has
 * @returns null where the engine cannot run it, or has no such memory to give.
 */
export function startWasm<Exports extends object>(
  base64: string,
  bytes: number,
): { exports: Exports; memory: WasmMemory } | null {
  try {
    let module = modules.get(base64);
    if (module === undefined) {
      modules.set(base64, null);
      module = new WebAssembly.Module(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
      modules.set(base64, module);
    }
    if (module === null) return null;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / pageBytes) });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    return { exports: exports as Exports, memory };
  } catch {
    return null;
  }
}
