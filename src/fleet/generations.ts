/** A value that is replaced as a whole while others still work with the one before. */
export interface Generations<T> {
  current(): T;
  /** Works with the value of this moment, to the end. */
  use<R>(work: (value: T) => Promise<R>): Promise<R>;
  /** Resolves when nobody works with a replaced value any more: what only those needed may be closed. */
  replace(next: T): Promise<void>;
}

interface Generation<T> {
  readonly value: T;
  users: number;
  replaced: boolean;
  readonly left: PromiseWithResolvers<void>;
}

export function makeGenerations<T>(first: T): Generations<T> {
  let now = begin(first);
  let older: Promise<void> = Promise.resolve();

  return {
    current: () => now.value,
    async use(work) {
      const mine = now;
      mine.users += 1;
      try {
        return await work(mine.value);
      } finally {
        mine.users -= 1;
        if (mine.replaced && mine.users === 0) mine.left.resolve();
      }
    },
    replace(next) {
      const before = now;
      now = begin(next);
      before.replaced = true;
      if (before.users === 0) before.left.resolve();
      older = Promise.all([older, before.left.promise]).then(() => undefined);
      return older;
    },
  };
}

function begin<T>(value: T): Generation<T> {
  return { value, users: 0, replaced: false, left: Promise.withResolvers<void>() };
}
