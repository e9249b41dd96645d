/** The fraction that `75%` or `0.75` stands for; undefined for any other text. */
export function parseFraction(value: string | number): number | undefined {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(value);
  return match === null ? undefined : Number(match[1]) / (match[2] === "%" ? 100 : 1);
}
