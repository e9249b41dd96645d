import { formatInstant } from "../../../core/instant.ts";
import type { CredentialView } from "../../../queue/views/credentials.ts";
import type { Io } from "../../io.ts";
import { isUnhealthy, statesOf } from "../../states.ts";
import { formatRelative, formatTable } from "../../table.ts";
import { type View, paintState } from "./view.ts";

/** One line for each selected credential. */
export function listView(views: readonly CredentialView[], io: Io): View {
  const now = io.now();
  const rows = views.map((view) => {
    const states = statesOf(view, now);
    const { id, provider, nextAt, liveUntil, failing, operatorPause } = view;
    return {
      credential: id,
      provider,
      state: states[0],
      states,
      ...(liveUntil !== undefined && { expiresAt: formatInstant(liveUntil) }),
      ...(nextAt !== undefined && { nextAt: formatInstant(nextAt) }),
      ...(failing !== undefined && {
        failure: {
          class: failing.class,
          code: failing.code,
          failures: failing.failures,
          since: formatInstant(failing.since),
          ...(failing.stores.length > 0 && { stores: failing.stores }),
        },
      }),
      ...(operatorPause !== undefined && {
        pause: {
          until: formatInstant(operatorPause.until),
          by: operatorPause.by,
          ...(operatorPause.reason !== "" && { reason: operatorPause.reason }),
        },
      }),
    };
  });
  const at = (instant: number | undefined): string => (instant === undefined ? "-" : formatRelative(instant, now));
  return {
    healthy: !views.some((view) => isUnhealthy(view, now)),
    json: { schemaVersion: 1, takenAt: formatInstant(now), credentials: rows },
    lines: rows.map((row) => ({ schemaVersion: 1, ...row })),
    text(wide) {
      const head = ["CREDENTIAL", "PROVIDER", "STATE", "EXPIRES", "NEXT", "FAILURE"];
      const more = ["FAILURES", "SINCE", "STORES", "PAUSED UNTIL", "BY", "WHY"];
      const cells = rows.map(({ credential, provider, state, failure, pause }, i) => {
        const { liveUntil, nextAt } = views[i] ?? {};
        const row = [
          credential,
          provider,
          paintState(state, io),
          at(liveUntil),
          at(nextAt),
          failure ? `${failure.class} ${failure.code}` : "-",
        ];
        if (!wide) return row;
        const stores = failure?.stores?.join(",") ?? "-";
        const why = [pause?.until ?? "-", pause?.by ?? "-", pause?.reason ?? "-"];
        return [...row, String(failure?.failures ?? "-"), failure?.since ?? "-", stores, ...why];
      });
      return formatTable([wide ? [...head, ...more] : head, ...cells]);
    },
  };
}
