/** What has to happen before a process that computed much may end. */
import { setFlagsFromString } from "node:v8";

/**
 * Keep running for a moment before the process ends. Node 20 can wait for ever at its end when a compiler thread has
 * asked for a collection that nobody will make any more; running code answers such requests, and the flag keeps the
 * compiler from starting anew. Source: nodejs/node issue 54918.
 */
export function settleCompiler(): void {
  setFlagsFromString("--max-optimized-bytecode-size=0");
  const end = performance.now() + 20;
  while (performance.now() < end);
}
