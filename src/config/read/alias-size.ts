/**
 * How many values there are when every alias is written out; Infinity for one that contains itself. Shared values are
 * counted without being walked twice, so that the answer comes at once even for "billion laughs".
 */
export function unfoldedSize(value: unknown, known = new Map<object, number>()): number {
  if (typeof value !== "object" || value === null) return 1;
  const found = known.get(value);
  if (found !== undefined) return found;
  known.set(value, Infinity);
  let size = 1;
  for (const each of Object.values(value)) size += unfoldedSize(each, known);
  known.set(value, size);
  return size;
}
