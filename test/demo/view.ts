import { stripVTControlCharacters, styleText } from "node:util";
import { type Ledger, type Row, tally } from "./ledger.ts";
import type { Outage } from "./outages.ts";
import { tellOutage } from "./summary.ts";

export interface View {
  /** Reports one event; the live view, which shows states, ignores it. */
  tell(text: string): void;
  /** Ends the drawing; the last drawing stays on the terminal. */
  close(): void;
}

interface Shown {
  readonly ledger: Ledger;
  readonly startedAt: number;
  readonly now: () => number;
  readonly outages: readonly Outage[];
  /** When the demo ends by itself; undefined: at Ctrl-C. */
  readonly endsAt: number | undefined;
}

const DRAW_MS = 500;
const LINE_MS = 5000;
const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";

type Out = NodeJS.WriteStream;

/** Redraws in place on a terminal, writes plain lines elsewhere. */
export function openView(out: Out, shown: Shown): View {
  return out.isTTY && (out.rows ?? 0) > 20 ? liveView(out, shown) : plainView(out, shown);
}

function plainView(out: Out, shown: Shown): View {
  const seconds = (): string => {
    const { now, startedAt } = shown;
    return `${((now() - startedAt) / 1000).toFixed(1).padStart(5)} s  `;
  };
  const timer = setInterval(() => out.write(`${seconds()}${totals(shown)}\n`), LINE_MS);
  return {
    tell: (text) => void out.write(`${seconds()}${text}\n`),
    close: () => clearInterval(timer),
  };
}

function liveView(out: Out, shown: Shown): View {
  let drawn = 0;
  function draw(): void {
    const lines = page(shown).map((line) => fit(line, out.columns ?? 80));
    const up = drawn === 0 ? "" : `\u001B[${drawn}A`;
    out.write(`${up}${lines.map((line) => `\r${line}\u001B[K\n`).join("")}`);
    drawn = lines.length;
  }
  const showCursor = (): boolean => out.write(SHOW_CURSOR);
  process.on("exit", showCursor);
  out.write(HIDE_CURSOR);
  draw();
  const timer = setInterval(draw, DRAW_MS);
  return {
    tell: () => undefined,
    close() {
      clearInterval(timer);
      draw();
      showCursor();
      process.off("exit", showCursor);
    },
  };
}

function page(shown: Shown): readonly string[] {
  const { ledger, startedAt, endsAt, now } = shown;
  const seconds = Math.floor((now() - startedAt) / 1000);
  const end = endsAt === undefined ? "until Ctrl-C" : `of ${Math.round((endsAt - startedAt) / 1000)} s`;
  const heading = [
    ...["credential".padEnd(15), "provider".padEnd(11), "stores".padEnd(9), "life".padStart(5)],
    ...["revision".padStart(10), "   ", "expires in".padEnd(20), "200".padStart(6), "401".padStart(5)],
    "   last outcome",
  ].join("");
  return [
    `${styleText("bold", "evertoken demo")}  ${seconds} s ${end}   ${weather(shown)}`,
    "",
    styleText("dim", heading),
    ...ledger.rows.map((row) => rowLine(row, now())),
    "",
    totals(shown),
    ...shown.outages.filter(({ to }) => to !== undefined).map((outage) => tellOutage(outage, ledger)),
  ];
}

function weather({ outages, now }: Shown): string {
  const current = outages.find(({ to }) => to === undefined);
  if (current === undefined) return styleText("green", "all is well");
  return styleText("red", `${current.title} has been down for ${((now() - current.from) / 1000).toFixed(1)} s`);
}

function rowLine(row: Row, now: number): string {
  const { credential, revision, expiresAt, trouble, last, lastAt } = row;
  const left = expiresAt === undefined ? undefined : Math.max(0, (expiresAt - now) / 1000);
  const ago = lastAt === undefined ? "" : `, ${Math.floor((now - lastAt) / 1000)} s ago`;
  const colour = trouble === undefined ? "reset" : "yellow";
  const unauthorized = String(row.unauthorized).padStart(5);
  return [
    credential.id.padEnd(15),
    credential.provider.padEnd(11),
    credential.stores.join("+").padEnd(9),
    `${credential.lifeSeconds} s`.padStart(5),
    String(revision).padStart(10),
    "   ",
    left === undefined ? "-".padEnd(20) : `${bar(left / credential.lifeSeconds)}${left.toFixed(1).padStart(5)} s   `,
    String(row.ok).padStart(6),
    row.unauthorized > 0 ? styleText("red", unauthorized) : unauthorized,
    "   ",
    styleText(colour, `${last}${ago}`),
  ].join("");
}

function bar(share: number): string {
  const full = Math.min(10, Math.ceil(share * 10));
  return `${"█".repeat(full)}${styleText("dim", "·".repeat(10 - full))}`;
}

function totals({ ledger, now }: Shown): string {
  const { ok, unauthorized, revisions } = tally(ledger.rows);
  const live = ledger.rows.filter(({ expiresAt }) => (expiresAt ?? 0) > now()).length;
  const next = Math.min(...ledger.rows.map(({ expiresAt }) => expiresAt ?? Infinity)) - now();
  const expiry = Number.isFinite(next) ? `, next expiry in ${Math.max(0, Math.round(next / 1000))} s` : "";
  const consumers = `consumers: ${ok} times 200, ${unauthorized} times 401`;
  return `${live} of ${ledger.rows.length} tokens live${expiry}; ${revisions} tokens published; ${consumers}`;
}

/** Cuts a styled line to the terminal's width, so that it never wraps. */
function fit(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length < columns) return line;
  return stripVTControlCharacters(line).slice(0, columns - 1);
}
