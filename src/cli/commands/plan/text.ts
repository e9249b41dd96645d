import { formatDuration } from "../../../core/duration.ts";
import type { Plan } from "../../../core/plan/plan.ts";
import { formatTable } from "../../table.ts";

/** The plan for people: first what needs a decision, then the figures. */
export function formatPlan(plan: Plan): string {
  const { changes, findings } = plan;
  const change = (["added", "changed", "removed"] as const)
    .map((kind) => `${changes[kind].count} ${kind}${listIds(changes[kind].ids)}`)
    .join(", ");
  return [
    `${plan.credentials} credentials, from the ${plan.from}: ${change}.\n`,
    ...findings.map(
      ({ severity, where, message }) => `${severity === "exceeded" ? "EXCEEDED" : "warning"}  ${where}: ${message}\n`,
    ),
    ...(findings.length === 0 ? ["Every quota holds, and every consumer can be kept fresh.\n"] : []),
    "\n",
    exchangesTable(plan),
    "\n",
    storesTable(plan),
    ...(plan.scopes.length === 0 ? [] : ["\n", scopesTable(plan)]),
    "\n",
    recoveryTable(plan),
    "\n",
    hoursTable(plan),
  ].join("");
}

function listIds(ids: readonly string[]): string {
  if (ids.length === 0) return "";
  return ` (${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ", ..." : ""})`;
}

function exchangesTable({ providers }: Plan): string {
  return formatTable([
    ["PROVIDER", "CREDENTIALS", "EXCHANGES/S", "PEAK/S", "NEXT 24 H", "LIMIT USED", "ROLL-OUT", "IF DOWN, FIRST DEAD"],
    ...providers.map((p) => [
      p.provider,
      String(p.credentials),
      String(p.exchanges.steadyPerSecond),
      String(p.exchanges.peakPerSecond),
      String(p.exchanges.nextDay),
      p.uses
        .map(({ limit, used, allowed }) => `${percent(used / allowed)} of ${limit.replace(/^\w+ /, "")}`)
        .join(", ") || "-",
      p.rollOut === undefined
        ? "-"
        : p.rollOut.seconds === null
          ? "over a day"
          : formatDuration(1000 * p.rollOut.seconds, "brief"),
      p.runway === undefined ? "-" : `after ${formatDuration(1000 * p.runway.firstDeadAfterSeconds, "brief")}`,
    ]),
  ]);
}

function storesTable({ stores, prices }: Plan): string {
  return formatTable([
    ["STORE", "SECRETS", "PUBLISHES/S", "VERSIONS/DAY", `USD/MONTH (${prices})`, "IF DOWN, FIRST DEAD"],
    ...stores.map((s) => [
      s.store,
      String(s.secrets),
      String(s.publishesPerSecond),
      String(s.versionsPerDay),
      s.type === "file" ? "-" : s.usdPerMonth.toFixed(2),
      s.runway === undefined ? "-" : `after ${formatDuration(1000 * s.runway.firstDeadAfterSeconds, "brief")}`,
    ]),
  ]);
}

function scopesTable({ scopes }: Plan): string {
  return formatTable([
    ["BUDGET OF WRITES", "ALLOWED/S", "NEEDED/S", "PEAK/S", "USED"],
    ...scopes.map((s) => [
      s.scope,
      String(s.allowed),
      String(s.used),
      String(s.peakPerSecond),
      percent(s.used / s.allowed),
    ]),
  ]);
}

function recoveryTable({ providers }: Plan): string {
  return formatTable([
    ["AFTER A DOWNTIME OF", "PROVIDER", "DUE", "EXPIRED", "EXPIRE LATER", "CAUGHT UP IN"],
    ...providers.flatMap((p) =>
      p.recoveries.map((r) => [
        formatDuration(1000 * r.downSeconds, "brief"),
        p.provider,
        String(r.due),
        String(r.expired),
        String(r.expiredLater),
        r.seconds === null ? "never" : formatDuration(1000 * r.seconds, "brief"),
      ]),
    ),
  ]);
}

const BARS = " ▁▂▃▄▅▆▇█";

/** One bar per hour. */
function hoursTable({ providers }: Plan): string {
  const rows = providers
    .filter((p) => p.exchanges.nextDay > 0)
    .map((p) => {
      const most = Math.max(...p.exchanges.hours);
      const bars = p.exchanges.hours.map((n) => BARS[Math.ceil((n / most) * (BARS.length - 1))]).join("");
      return [p.provider, `|${bars}|`, `up to ${most} in an hour`];
    });
  return rows.length === 0 ? "" : formatTable([["NEXT 24 H", "BY THE HOUR", ""], ...rows]);
}

function percent(share: number): string {
  return `${share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}
