/** A value that is replaced as a whole while jobs still work with the one before. */
export interface Generations<T> {
  current(): T;
  /** Works to the end with the value that is current at the start. */
  use<R>(work: (value: T) => Promise<R>): Promise<R>;
  /** Resolves when no work uses a replaced value any more: then what belonged only to those may be closed. */
  replace(next: T): Promise<void>;
}

interface Generation<T> {
  readonly value: T;
  users: number;
  replaced: boolean;
  readonly unused: PromiseWithResolvers<void>;
}

export function makeGenerations<T>(first: T): Generations<T> {
  let newest = begin(first);
  let olderUnused: Promise<void> = Promise.resolve();

  return {
    current: () => newest.value,
    async use(work) {
      const generation = newest;
      generation.users += 1;
      try {
        return await work(generation.value);
      } finally {
        generation.users -= 1;
        if (generation.replaced && generation.users === 0) generation.unused.resolve();
      }
    },
    replace(next) {
      const before = newest;
      newest = begin(next);
      before.replaced = true;
      if (before.users === 0) before.unused.resolve();
      olderUnused = Promise.all([olderUnused, before.unused.promise]).then(() => undefined);
      return olderUnused;
    },
  };
}

function begin<T>(value: T): Generation<T> {
  return { value, users: 0, replaced: false, unused: Promise.withResolvers<void>() };
}
