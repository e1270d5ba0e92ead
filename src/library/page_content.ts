/** What a page shows, beside the document that it shows it of. */

/** What a page shows: a JSON value, of which `html` of `dmalab/pages` makes a file. What is in `data` is not promised. */
export interface PageContent {
  readonly kind: "recording" | "inspection";
  readonly title: string;
  /** For a reader without scripts. */
  readonly noscript: string;
  readonly data: unknown;
}

/** A document that may have what its page shows. */
export interface WithPage {
  /** There when the option `page` was true. */
  readonly page?: PageContent;
}
