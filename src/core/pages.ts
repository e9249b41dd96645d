/** Cuts a sequence into pages of `size`; the last page may be shorter. */
export function* pagesOf<T>(all: Iterable<T>, size: number): Generator<readonly T[]> {
  let page: T[] = [];
  for (const each of all) {
    page.push(each);
    if (page.length < size) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
