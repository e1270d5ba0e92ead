/** What a host may do wrong for a guest with a unit of its own, each a switch. */
export const nestingBugs = {
  "lost-invalidation": {
    title: "some of a guest's invalidations are not carried over",
    words: "every eighth invalidation of translations, which the guest's unit says is done",
  },
  "nested-id-recycled": {
    title: "a nested domain's id serves again, and was not flushed",
    words: "O-AMD3: a domain id that the guest has given up, with what the unit keeps under it",
  },
} as const satisfies Readonly<Record<string, { title: string; words: string }>>;

export type NestingBug = keyof typeof nestingBugs;
export const nestingBugNames = Object.keys(nestingBugs) as [NestingBug, ...NestingBug[]];
/** Of so many that are carried over, one is lost. */
export const lostEvery = 8;
