/** HTML pages made of documents. */
import * as built from "#pages";
import { oneFile } from "../report/page/one_file.js";
import type { WithPage } from "./page_content.js";
import { BadOption } from "./work_options.js";

/**
 * The page of a document: one file that needs nothing else, no network and no other file.
 * @param document of `replay` or `inspect`, called with `page: true`; it may have been stored or sent as JSON
 * @throws BadOption for a document without what a page shows.
 */
export function html(document: WithPage): string {
  const { page } = document;
  if (page?.kind === "recording") return oneFile(built.recording, page);
  if (page?.kind === "inspection") return oneFile(built.inspect, page);
  throw new BadOption("document", "given", "it carries no page: call replay or inspect with page: true");
}
