/**
 * The two tiers of the tests. `npm test` takes two to three minutes and asks for nothing but Node; `npm run test:long`
 * (`DMALAB_LONG=1`) also runs the files `*.long.test.ts` - browsers, QEMU - and as much of random input as finds rare faults.
 */
export const long = process.env["DMALAB_LONG"] === "1";

/** @returns how much of something to try: `short` in the first tier, `thorough` in the second. */
export function amount(short: number, thorough: number): number {
  return long ? thorough : short;
}
