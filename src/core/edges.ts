import type { Instant } from "./credential.ts";

/** The environment of the process. Values may be secrets. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What only `main.ts` may touch; it hands them to everything below. */
export interface Edges {
  /** The wall clock. */
  now(): Instant;
  /** Milliseconds from any fixed point; never goes back, whatever becomes of the wall clock. */
  elapsed(): number;
  /** A number in [0, 1). */
  random(): number;
  readonly env: Env;
}
