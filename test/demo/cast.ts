/** Who is on stage: a dozen credentials, what their tokens are for, and where they are published. */
export interface Part {
  readonly id: string;
  readonly provider: "cyclr" | "login" | "reporting";
  readonly client: string;
  readonly scope?: string;
  readonly lifeSeconds: number;
  readonly stores: readonly StoreName[];
  /** The protected API that its consumer calls. */
  readonly api: Api;
  readonly format?: "token";
}

export type StoreName = "aws" | "gcp";
type Api =
  | { readonly kind: "partner" }
  | { readonly kind: "account" | "webhook" | "mcp"; readonly account: string }
  | { readonly kind: "introspected" };

/** Of tokens of 10 s a store outage of seconds leaves too little: those that AWS holds live half a minute or longer. */
export const cast: readonly Part[] = [
  {
    id: "cyclr-partner",
    provider: "cyclr",
    client: "partner",
    lifeSeconds: 60,
    stores: ["aws"],
    api: { kind: "partner" },
  },
  {
    id: "acme-api",
    provider: "cyclr",
    client: "partner",
    scope: "account:acme",
    lifeSeconds: 60,
    stores: ["aws", "gcp"],
    api: { kind: "account", account: "acme" },
  },
  hook("acme", 20, ["gcp"]),
  hook("globex", 30, ["aws", "gcp"]),
  mcp("acme", 25, ["gcp"]),
  mcp("globex", 40, ["aws"]),
  introspected("billing", "login", 10, "gcp"),
  introspected("crm", "login", 10, "gcp"),
  introspected("search", "login", 10, "gcp"),
  { ...introspected("mail", "login", 10, "gcp"), format: "token" },
  introspected("audit", "reporting", 30, "aws"),
  introspected("charts", "reporting", 30, "aws"),
];

function hook(account: string, lifeSeconds: number, stores: readonly StoreName[]): Part {
  const id = `${account}-webhook`;
  return { id, provider: "cyclr", client: id, lifeSeconds, stores, api: { kind: "webhook", account } };
}

function mcp(account: string, lifeSeconds: number, stores: readonly StoreName[]): Part {
  const id = `${account}-mcp`;
  return { id, provider: "cyclr", client: id, lifeSeconds, stores, api: { kind: "mcp", account } };
}

function introspected(id: string, provider: "login" | "reporting", lifeSeconds: number, store: StoreName): Part {
  return { id, provider, client: id, lifeSeconds, stores: [store], api: { kind: "introspected" } };
}

/** A name that both clouds take. */
export function secretName(id: string): string {
  return `demo-${id}`;
}
