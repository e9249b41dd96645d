/** Ids by second; an id has one second at most. Each second is a linked list in typed arrays. */
export class Calendar {
  readonly #head: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #at: Int32Array;
  /** Entries per block of 1,024 seconds: `near` skips empty blocks. */
  readonly #blocks: Int32Array;
  readonly seconds: number;
  size = 0;

  constructor(ids: number, seconds: number) {
    this.seconds = seconds;
    this.#head = new Int32Array(seconds).fill(-1);
    this.#next = new Int32Array(ids).fill(-1);
    this.#previous = new Int32Array(ids).fill(-1);
    this.#at = new Int32Array(ids).fill(-1);
    this.#blocks = new Int32Array((seconds >> 10) + 1);
  }

  /** A second behind the end counts as the last one, which the simulation never reaches. */
  put(id: number, second: number): void {
    if (this.has(id)) this.remove(id);
    const at = Math.min(Math.max(0, second), this.seconds - 1);
    const head = this.#head[at] ?? -1;
    this.#next[id] = head;
    this.#previous[id] = -1;
    if (head >= 0) this.#previous[head] = id;
    this.#head[at] = id;
    this.#at[id] = at;
    this.#blocks[at >> 10] = (this.#blocks[at >> 10] ?? 0) + 1;
    this.size += 1;
  }

  has(id: number): boolean {
    return (this.#at[id] ?? -1) >= 0;
  }

  remove(id: number): void {
    const at = this.#at[id] ?? -1;
    if (at < 0) return;
    const next = this.#next[id] ?? -1;
    const previous = this.#previous[id] ?? -1;
    if (previous >= 0) this.#next[previous] = next;
    else this.#head[at] = next;
    if (next >= 0) this.#previous[next] = previous;
    this.#at[id] = -1;
    this.#blocks[at >> 10] = (this.#blocks[at >> 10] ?? 0) - 1;
    this.size -= 1;
  }

  /** Copies the ids of one second, so that the caller may remove them while it goes over them. */
  in(second: number): number[] {
    const ids: number[] = [];
    for (let id = this.#head[second] ?? -1; id >= 0; id = this.#next[id] ?? -1) ids.push(id);
    return ids;
  }

  /** Up to `most` ids from `from` towards `to`, in either direction. */
  near(from: number, to: number, most: number): number[] {
    const ids: number[] = [];
    const step = to >= from ? 1 : -1;
    for (let at = from; step > 0 ? at <= to : at >= to; at += step) {
      if (ids.length >= most || at < 0 || at >= this.seconds) break;
      if (this.#blocks[at >> 10] === 0) {
        at = step > 0 ? ((at >> 10) << 10) + 1023 : (at >> 10) << 10;
        continue;
      }
      if ((this.#head[at] ?? -1) >= 0) ids.push(...this.in(at));
    }
    return ids.slice(0, most);
  }
}
