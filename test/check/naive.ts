/** A search that copies all state and tells states apart by all of it: what the explorer is held against. */
import type { Universe } from "../../src/check/universe.js";

/** Every word of every part as text is a state's name; states are put back by copying all of them. */
export function naive(u: Universe): { states: number; transitions: number } {
  const { state, actors } = u;
  state.begin();
  type Copy = { words: Map<number, Uint32Array>; name: string };
  const copied = (): Copy => {
    const words = new Map(state.parts.map((p) => [p.number, p.copy()]));
    const told = state.parts.filter((p) => !p.isLine || p.copy().some((w, i) => w !== p.start[i]));
    return {
      words,
      name: told
        .map((p) => `${p.name}:${words.get(p.number)!.join()}`)
        .toSorted()
        .join(";"),
    };
  };
  const put = (c: Copy): void => {
    for (const p of state.parts) {
      const words = c.words.get(p.number) ?? p.start;
      for (let i = 0; i < p.wordCount; i++) p.putBack(p.from + i, words[i]!);
    }
  };
  const first = copied();
  const queue = [first];
  const seen = new Set([first.name]);
  let transitions = 0;
  for (const at of queue) {
    for (const actor of actors) {
      put(at);
      for (let choice = 0; choice < actor.choices(); choice++) {
        actor.step(choice);
        transitions++;
        const next = copied();
        if (!seen.has(next.name)) {
          seen.add(next.name);
          queue.push(next);
        }
        put(at);
      }
    }
    state.settle();
  }
  return { states: seen.size, transitions };
}
