/** What must hold of an entry that is replaced while a unit reads it. */

export const entryRules = {
  I4: "what the unit takes the entry for is the old one, the new one, or nothing",
  I5: "no request is refused",
  attributes: "a request has the attributes of the entry that it goes by",
  I6: "under the tag of a domain nothing is kept of another's tables",
  after: "when it is over, nothing leads to other tables than the new ones",
  recycled: "when it is over, nothing is kept under the tag that the old entry had",
} as const;
export type EntryRule = keyof typeof entryRules;
/** A rule as reports name it. */
export const entryRuled = (rule: EntryRule): string =>
  /^I\d$/.test(rule) ? `${rule}: ${entryRules[rule]}` : entryRules[rule];
