import type { Instant } from "../../core/credential.ts";
import type { FleetSnapshot, OperatorPause } from "../../core/snapshot.ts";
import { formatCount } from "../summary.ts";
import { instantMarkup } from "./instants.ts";
import { type Markup, markup } from "./markup.ts";
import { table } from "./table.ts";

const ROWS_MAX = 50;

/** The pauses of operators, each with the command that ends it; undefined without pauses. */
export function pausedSection({ providers }: FleetSnapshot, now: Instant): Markup | undefined {
  const rows = providers.flatMap(({ provider, operatorPause, pausedCredentials = [] }) => [
    ...(operatorPause === undefined ? [] : [row(provider, `--provider ${provider}`, { operatorPause, now })]),
    ...pausedCredentials.map(({ credential, ...each }) => row(credential, credential, { operatorPause: each, now })),
  ]);
  if (rows.length === 0) return undefined;
  return markup`<h2>Paused by operators <b>${formatCount(rows.length)}</b></h2>
    ${table({
      name: "wide paused",
      caption: "A paused credential is not rotated. Its rotations start again when the pause ends.",
      columns: ["What", "Why", "By", "Since", "Until", "Command"],
      rows: rows.slice(0, ROWS_MAX),
    })}`;
}

function row(
  name: string,
  selector: string,
  { operatorPause, now }: { operatorPause: OperatorPause; now: Instant },
): Markup {
  const command = `evertoken resume ${selector}`;
  return markup`<tr>
    <th scope="row">${name}</th>
    <td>${operatorPause.reason}</td>
    <td>${operatorPause.by}</td>
    <td>${instantMarkup(operatorPause.since, now)}</td>
    <td>${instantMarkup(operatorPause.until, now)}</td>
    <td><code>${command}</code><button aria-label="Copy ${command}">Copy</button></td>
  </tr>`;
}
