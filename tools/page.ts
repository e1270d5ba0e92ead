/** A page as the bundler gives it, made fit to stand in an HTML file; done once, so that whoever makes the file needs no digest. */
import { createHash } from "node:crypto";
import type { Page } from "../src/report/page/one_file.js";

/** @param built one classic script and one style sheet */
export function pageOf(built: { readonly script: string; readonly style: string }): Page {
  const script = built.script.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
  const style = built.style.replace(/<\/(style)/gi, "<\\/$1");
  return { script, style, digest: createHash("sha256").update(script, "utf8").digest("base64") };
}
