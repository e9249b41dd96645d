import { readFile } from "node:fs/promises";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  readonly links?: readonly { readonly url: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly links: readonly { readonly url: string }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

export async function readDashboard(): Promise<Dashboard> {
  const file = new URL("../../helm/files/dashboards/evertoken.json", import.meta.url);
  return JSON.parse(await readFile(file, "utf8")) as Dashboard;
}

/** The queries to Prometheus, with every variable at "All". */
export function queriesOf({ panels }: Dashboard): { readonly title: string; readonly expr: string }[] {
  return panels
    .filter(({ type }) => type !== "logs")
    .flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr: filled(expr) })));
}

function filled(expr: string): string {
  return expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(namespace|job|provider)\b/g, ".*");
}
