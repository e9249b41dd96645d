import type { Line } from "../fakes/daemon.ts";
import { type DemoCredential, type StoreName, demoCredentials } from "./credentials.ts";

/** One credential, as the log lines of the daemon and the calls of its consumers show it. */
export interface Row {
  readonly credential: DemoCredential;
  revision: number;
  /** Expiry of the newest token that all of its secrets hold. */
  expiresAt: number | undefined;
  /** When the next rotation falls due. */
  nextAt: number | undefined;
  last: string;
  lastAt: number | undefined;
  ok: number;
  unauthorized: number;
  other: number;
  trouble: Trouble | undefined;
}

/** From the first failure of a credential until its token is in every secret again. */
export interface Trouble {
  readonly id: string;
  readonly kind: "refresh" | "publish";
  readonly since: number;
  failures: number;
  endedAt: number | undefined;
  /** Life that the old token still had when the trouble ended. */
  lifeLeftMs: number | undefined;
}

export interface Ledger {
  readonly rows: readonly Row[];
  readonly troubles: readonly Trouble[];
  readonly warnings: readonly string[];
  /** Reads that a store did not answer; the consumers kept the token that they had. */
  readonly readsFailed: number;
  /** The shortest life left of any token when a consumer used it. */
  readonly leastLifeMs: number;
  take(line: Line): void;
  called(id: string, status: number, lifeLeftMs: number | undefined): void;
  readFailed(id: string, store: StoreName): void;
}

export function openLedger(now: () => number, tell: (text: string) => void): Ledger {
  const rows = demoCredentials.map<Row>((credential) => ({
    credential,
    revision: 0,
    expiresAt: undefined,
    nextAt: undefined,
    last: "waiting for its first token",
    lastAt: undefined,
    ok: 0,
    unauthorized: 0,
    other: 0,
    trouble: undefined,
  }));
  const rowOf = new Map(rows.map((row) => [row.credential.id, row]));
  const troubles: Trouble[] = [];
  const warnings: string[] = [];
  let readsFailed = 0;
  let leastLifeMs = Infinity;

  function note(row: Row, text: string): void {
    row.last = text;
    row.lastAt = now();
  }
  function failed(row: Row, kind: Trouble["kind"], why: string): void {
    if (row.trouble === undefined) {
      row.trouble = {
        id: row.credential.id,
        kind,
        since: now(),
        failures: 0,
        endedAt: undefined,
        lifeLeftMs: undefined,
      };
      troubles.push(row.trouble);
    }
    row.trouble.failures += 1;
    note(row, `${kind} failed (${why}), is retried`);
    tell(`${row.credential.id}: ${row.last}`);
  }
  function succeeded(row: Row, line: Line): void {
    const revision = Number(line["revision"]);
    if (row.trouble !== undefined) {
      row.trouble.endedAt = now();
      row.trouble.lifeLeftMs = row.expiresAt === undefined ? undefined : row.expiresAt - now();
      const lasted = ((now() - row.trouble.since) / 1000).toFixed(1);
      tell(`${row.credential.id}: has its new token ${lasted} s after the first failure`);
      row.trouble = undefined;
    }
    note(row, revision === 1 ? "first token" : line["outcome"] === "published" ? "published" : "renewed");
    row.revision = revision;
    row.expiresAt = instant(line["expires_at"]) ?? row.expiresAt;
  }

  return {
    rows,
    troubles,
    warnings,
    get readsFailed() {
      return readsFailed;
    },
    get leastLifeMs() {
      return leastLifeMs;
    },
    take(line) {
      const row = rowOf.get(String(line["credential"]));
      if (line.event === "policy.unsafe" || line.event === "store.quota_unsustainable") {
        warnings.push(String(line["detail"]));
      }
      if (row === undefined) return;
      row.nextAt = instant(line["next_at"]) ?? row.nextAt;
      if (line.event === "rotation.succeeded") succeeded(row, line);
      else if (line.event === "rotation.failed") failed(row, "refresh", String(line["error_code"]));
      else if (line.event === "rotation.unpublished") failed(row, "publish", publishCode(line));
    },
    called(id, status, lifeLeftMs) {
      const row = rowOf.get(id);
      if (row === undefined) return;
      if (status === 200) row.ok += 1;
      else if (status === 401) row.unauthorized += 1;
      else row.other += 1;
      if (status === 401) tell(`${id}: a consumer got a 401`);
      if (lifeLeftMs !== undefined) leastLifeMs = Math.min(leastLifeMs, lifeLeftMs);
    },
    readFailed() {
      readsFailed += 1;
    },
  };
}

function publishCode(line: Line): string {
  const targets = (line["targets"] ?? []) as readonly { store: string; error_code?: string }[];
  const failed = targets.filter((target) => target.error_code !== undefined);
  return failed.map(({ store, error_code: code }) => `${store}: ${code ?? ""}`).join(", ");
}

function instant(value: unknown): number | undefined {
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

export interface Tally {
  readonly ok: number;
  readonly unauthorized: number;
  readonly other: number;
  readonly revisions: number;
}

export function tally(rows: readonly Row[]): Tally {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    ok: sum((row) => row.ok),
    unauthorized: sum((row) => row.unauthorized),
    other: sum((row) => row.other),
    revisions: sum((row) => row.revision),
  };
}
