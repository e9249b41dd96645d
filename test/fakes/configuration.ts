/** Policy for tokens that live seconds. A request has 8 s, the most that the least lease of 10 s leaves it. */
export const quick = {
  consumerCache: "500ms",
  retryBudget: "500ms",
  minInterval: "500ms",
  requestTimeout: "8s",
} as const;

/** A configuration before it is written to a file. */
interface TestConfiguration {
  readonly [key: string]: unknown;
  readonly providers: Readonly<Record<string, object>>;
  readonly stores: Readonly<Record<string, object>>;
  readonly credentials: readonly object[];
}

/** One credential: its client is named like it, and its token goes to the file store `local`. */
export function configuredCredential(id: string, over: object = {}): object {
  return {
    id,
    provider: "p",
    clientId: id,
    clientSecret: { file: "secret" },
    publish: [{ store: "local", secret: id }],
    ...over,
  };
}

/** Credentials of one provider `p` with the policy `quick`. The client secret is in the file `secret`. */
export function configurationOf(
  tokenEndpoint: string,
  ids: readonly string[],
  over: Partial<TestConfiguration> = {},
): TestConfiguration {
  return {
    defaults: quick,
    providers: { p: { tokenEndpoint } },
    stores: { local: { type: "file", dir: "tokens" } },
    credentials: ids.map((id) => configuredCredential(id)),
    ...over,
  };
}
