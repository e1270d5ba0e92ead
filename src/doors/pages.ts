/**
 * HTML pages of documents, in Node and in browsers: the built scripts and styles are part of this module.
 *
 * Promised: `html` makes one file of whatever `page: true` of the same version of dmalab put into a document. How the page
 * looks, and what is in `data`, may change with any version.
 *
 * @packageDocumentation
 */
export { Misuse } from "../base/assert.js";
export type { PageContent, WithPage } from "../library/page_content.js";
export { html } from "../library/pages.js";
export { BadOption } from "../library/work_options.js";
