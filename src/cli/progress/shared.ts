/** What the command and the thread that draws its progress share: numbers and the text before the bar. */

/** Cells of the state. */
export const Cell = {
  /** Held while either side writes to the terminal. */
  lock: 0,
  /** 1 while there is something to show. */
  shown: 1,
  /** Thousandths that are done; -1 when nobody knows. */
  done: 2,
  /** 1 while a bar stands on the terminal. */
  drawn: 3,
  /** Milliseconds of the clock modulo 2^31 at which this began. */
  begin: 4,
  labelBytes: 5,
  /** Always 0: what the thread sleeps on between two drawings. */
  pause: 6,
  count: 7,
} as const;

export const labelBytesMax = 200;

export interface SharedProgress {
  readonly state: Int32Array;
  readonly label: Uint8Array;
}

export interface DrawnFor {
  readonly shared: SharedProgress;
  /** Columns of the terminal. */
  readonly width: number;
  /** The terminal shows signs beyond ASCII. */
  readonly signs: boolean;
}

export function shareProgress(): SharedProgress {
  return {
    state: new Int32Array(new SharedArrayBuffer(4 * Cell.count)),
    label: new Uint8Array(new SharedArrayBuffer(labelBytesMax)),
  };
}

export const clock = (): number => Date.now() % 2 ** 31;

/** Nobody writes for as long as this many hundredths of a second: whoever holds the lock longer was ended in the midst. */
const waitsMax = 30;

/** Run `write` while the other side does not. */
export function locked(state: Int32Array, write: () => void): void {
  for (let n = 0; n < waitsMax && Atomics.compareExchange(state, Cell.lock, 0, 1) !== 0; n++) {
    Atomics.wait(state, Cell.lock, 1, 10);
  }
  try {
    write();
  } finally {
    Atomics.store(state, Cell.lock, 0);
    Atomics.notify(state, Cell.lock);
  }
}
