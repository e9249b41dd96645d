/** A credential of the demo: what its token is for, and where it is published. */
export interface DemoCredential {
  readonly id: string;
  readonly provider: "cyclr" | "login" | "reporting";
  readonly client: string;
  readonly scope?: string;
  readonly lifeSeconds: number;
  readonly stores: readonly StoreName[];
  /** The protected API that its consumers call. */
  readonly api: Api;
  readonly format?: "token";
}

export type StoreName = "aws" | "gcp";
type Api =
  | { readonly kind: "partner" }
  | { readonly kind: "account" | "webhook" | "mcp"; readonly account: string }
  | { readonly kind: "introspected" };

/** Tokens in AWS live 30 s or longer: its outage of seconds would leave a token of 10 s too little life. */
export const demoCredentials: readonly DemoCredential[] = [
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
  ofAccount("webhook", "acme", { lifeSeconds: 20, stores: ["gcp"] }),
  ofAccount("webhook", "globex", { lifeSeconds: 30, stores: ["aws", "gcp"] }),
  ofAccount("mcp", "acme", { lifeSeconds: 25, stores: ["gcp"] }),
  ofAccount("mcp", "globex", { lifeSeconds: 40, stores: ["aws"] }),
  introspected("billing", "login"),
  introspected("crm", "login"),
  introspected("search", "login"),
  { ...introspected("mail", "login"), format: "token" },
  introspected("audit", "reporting"),
  introspected("charts", "reporting"),
];

function ofAccount(
  kind: "webhook" | "mcp",
  account: string,
  rest: Pick<DemoCredential, "lifeSeconds" | "stores">,
): DemoCredential {
  const id = `${account}-${kind}`;
  return { id, provider: "cyclr", client: id, ...rest, api: { kind, account } };
}

function introspected(id: string, provider: "login" | "reporting"): DemoCredential {
  const rest =
    provider === "login"
      ? { lifeSeconds: 10, stores: ["gcp"] as const }
      : { lifeSeconds: 30, stores: ["aws"] as const };
  return { id, provider, client: id, ...rest, api: { kind: "introspected" } };
}

/** A name that both clouds allow. */
export function secretName(id: string): string {
  return `demo-${id}`;
}
