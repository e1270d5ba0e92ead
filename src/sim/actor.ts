/** One dialect of actors, for one run and for every run. */

export interface Actor {
  readonly name: string;
  /** In how many ways it can take its next step; 0: there is nothing to do now. Asked often: it only looks. */
  choices(): number;
  /** Take one atomic step. @param choice 0 <= choice < choices() */
  step(choice: number): void;
  /** What the next step does, in words; asked when a run is told, before the step is taken. */
  label(choice: number): string;
  /** Why the next step may do more than one thing that another actor could tell apart; left out or null: it does not. */
  atomic?(choice: number): string | null;
}

/** A program whose next step is always the only one there is. */
export interface OneWay {
  ready(): boolean;
  step(): void;
}

/** Such a program as an actor. */
export function oneWay(name: string, of: OneWay): Actor {
  return { name, choices: () => (of.ready() ? 1 : 0), step: () => of.step(), label: () => name };
}

/** An actor each step of which is told before it is taken. */
export const told = (a: Actor, takes: () => void): Actor => ({
  name: a.name,
  choices: () => a.choices(),
  label: (choice) => a.label(choice),
  step: (choice) => {
    takes();
    a.step(choice);
  },
});

/** An actor that takes no step while something holds it. */
export const heldWhile = (isHeld: () => boolean, a: Actor): Actor => ({
  name: a.name,
  choices: () => (isHeld() ? 0 : a.choices()),
  label: (choice) => a.label(choice),
  step: (choice) => a.step(choice),
});
