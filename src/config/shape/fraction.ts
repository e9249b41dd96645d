/** `75%` or `0.75` as a fraction; undefined for anything else. */
export function parseFraction(value: string | number): number | undefined {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(value);
  return match === null ? undefined : Number(match[1]) / (match[2] === "%" ? 100 : 1);
}
