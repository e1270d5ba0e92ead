/** The pages that the build puts beside the library; loaded when one is drawn. */
import type { Page } from "../../report/index.js";

export async function builtPage(name: "recording" | "inspect" | "machine"): Promise<Page> {
  return (await import("#pages"))[name];
}
