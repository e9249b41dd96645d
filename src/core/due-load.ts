import type { Instant } from "./credential.ts";

/** How many credentials fall due in each half hour (UTC). A credential counts once, at its next instant of work. */
export interface Load {
  /** Start of the half hour under way. */
  readonly startAt: Instant;
  readonly bucketMs: number;
  /** One count for each of 48 half hours. The first also counts everything that is overdue. */
  readonly counts: readonly number[];
  /** Credentials that are due after those. */
  readonly later: number;
}

const BUCKET_MS = 1_800_000;
const BUCKETS = 48;

/** The bounds of each bucket, from (inclusive) and to (exclusive). */
export function loadBounds(now: Instant): readonly (readonly [from: Instant, to: Instant])[] {
  const startAt = startOf(now);
  return Array.from({ length: BUCKETS }, (_, i) => [
    i === 0 ? -Infinity : startAt + i * BUCKET_MS,
    startAt + (i + 1) * BUCKET_MS,
  ]);
}

/** `counted`: per provider, its credentials and how many of them fall due within each of `loadBounds`. */
export function loadOf(
  now: Instant,
  counted: readonly { readonly credentials: number; readonly counts: readonly number[] }[],
): Load {
  const counts = Array.from({ length: BUCKETS }, (_, i) =>
    counted.reduce((sum, provider) => sum + (provider.counts[i] ?? 0), 0),
  );
  const within = counts.reduce((a, b) => a + b, 0);
  const all = counted.reduce((sum, { credentials }) => sum + credentials, 0);
  // The counts are not taken in one instant: a credential that moved meanwhile must not make the rest negative.
  return { startAt: startOf(now), bucketMs: BUCKET_MS, counts, later: Math.max(0, all - within) };
}

function startOf(now: Instant): Instant {
  return Math.floor(now / BUCKET_MS) * BUCKET_MS;
}
