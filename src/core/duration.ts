/** Durations as text. They are milliseconds everywhere else. */

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
type Unit = keyof typeof UNIT_MS;
const UNITS = Object.keys(UNIT_MS) as readonly Unit[];

/** `10s`, `5m`, `2h`, `14d`, `500ms`, also combined from large to small: `1h30m`. */
export const DURATION = /^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/;

/** The duration in milliseconds; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhd])/g)) ms += Number(count) * UNIT_MS[unit as Unit];
  return ms;
}

/**
 * A duration for people and for configurations.
 * - `exact`: as a configuration writes it, every unit that counts: `1h30m`, `14d`, `0s`.
 * - `brief`: two units, enough to act on, for tables: `4m 10s`, `0s`.
 * - `sentence`: one unit, for running text: `90 s`, `12 min`, `3 h`, `14 d`; `digits` after the point.
 */
export function formatDuration(ms: number, form: "exact" | "brief" | "sentence", digits: 0 | 1 = 0): string {
  if (form === "sentence") return sentence(ms, 10 ** digits);
  const counts = countsOf(form === "brief" ? Math.round(ms / 1000) * 1000 : ms);
  const first = counts.findIndex(([, count]) => count > 0);
  const shown = (form === "brief" ? counts.slice(Math.max(0, first), first + 2) : counts)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count}${unit}`);
  return shown.join(form === "brief" ? " " : "") || "0s";
}

function countsOf(ms: number): readonly (readonly [Unit, number])[] {
  let rest = ms;
  return UNITS.map((unit) => {
    const count = Math.floor(rest / UNIT_MS[unit]);
    rest -= count * UNIT_MS[unit];
    return [unit, count] as const;
  });
}

/** The largest unit of which there are at least two. */
function sentence(ms: number, per: number): string {
  const rounded = (unitMs: number): number => Math.round((ms * per) / unitMs) / per;
  const seconds = rounded(UNIT_MS.s);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${rounded(UNIT_MS.m)} min`;
  return seconds < 172_800 ? `${rounded(UNIT_MS.h)} h` : `${rounded(UNIT_MS.d)} d`;
}
