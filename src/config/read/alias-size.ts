/**
 * How many values a tree holds when every alias is written out; Infinity where an alias contains itself. A shared value
 * is counted without being walked again: the answer comes at once even for "billion laughs".
 */
export function sizeWithAliases(value: unknown, known = new Map<object, number>()): number {
  if (typeof value !== "object" || value === null) return 1;
  const found = known.get(value);
  if (found !== undefined) return found;
  known.set(value, Infinity);
  let size = 1;
  for (const each of Object.values(value)) size += sizeWithAliases(each, known);
  known.set(value, size);
  return size;
}
