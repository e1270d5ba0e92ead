/** What one access came to, as a text: where it reaches memory, the records of its fault, or neither. */
export const nothing = "nothing";
export const reachWord = "reaches ";
export const reach = (address: number) => `${reachWord}0x${address.toString(16)}`;
