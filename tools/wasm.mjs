/**
 * Compile each AssemblyScript file of wasm/ into a module of WebAssembly, and write it as text where the library imports
 * it from, in Node as in browsers: src/base/wasm/NAME.ts. What is newer than its sources is left as it is.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const options = ["-O3", "--runtime", "stub", "--noAssert", "--importMemory", "--enable", "simd"];

/** @param {string} root the package's folder */
export async function compileWasm(root) {
  const sources = readdirSync(join(root, "wasm"), { recursive: true, encoding: "utf8" }).filter((f) =>
    f.endsWith(".ts"),
  );
  const changed = Math.max(
    statSync(join(root, "tools/wasm.mjs")).mtimeMs,
    statSync(join(root, "package-lock.json")).mtimeMs,
    ...sources.map((f) => statSync(join(root, "wasm", f)).mtimeMs),
  );
  for (const file of sources.filter((f) => !/[\\/]/.test(f))) {
    const product = join(root, "src/base/wasm", file);
    if ((statSync(product, { throwIfNoEntry: false })?.mtimeMs ?? 0) > changed) continue;
    mkdirSync(join(root, "src/base/wasm"), { recursive: true });
    mkdirSync(join(root, "dist/wasm"), { recursive: true });
    const name = file.slice(0, -3);
    const binary = join("dist/wasm", `${name}.wasm`);
    const { default: asc } = await import("assemblyscript/asc");
    const { error, stderr } = await asc.main([join("wasm", file), ...options, "--baseDir", root, "--outFile", binary]);
    if (error) throw new Error(`wasm/${file}: ${stderr.toString()}`);
    const text = readFileSync(join(root, binary)).toString("base64");
    writeFileSync(
      product,
      `/** What wasm/${file} is compiled to, in base 64. */\nexport const ${named(name)} =\n  "${text}";\n`,
    );
  }
}

/** `ring_pages` as the constant's name `ringPages`. */
function named(file) {
  return file.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}
