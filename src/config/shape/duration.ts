const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `10s`, `5m`, `2h`, `14d`, `500ms`, also combined from large to small: `1h30m`. */
export const DURATION = /^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/;

/** In ms; undefined for anything that is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhd])/g)) {
    ms += Number(count) * (UNIT_MS[unit ?? ""] ?? 0);
  }
  return ms;
}

/** The shortest way to write it: `1h30m`, `14d`, `0s`. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const size = UNIT_MS[unit] ?? 1;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text || "0s";
}

/** `75%` or `0.75` as a fraction; undefined for anything else. */
export function parseFraction(value: string | number): number | undefined {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(value);
  return match === null ? undefined : Number(match[1]) / (match[2] === "%" ? 100 : 1);
}
