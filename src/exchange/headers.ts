import { httpDate } from "./stated-time.ts";

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A header that is sent twice counts once. */
export function headerOf(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value.trim() : value?.[0]?.trim();
}

/** The server's clock, in epoch ms, which the answer's instants are read against. */
export function dateOf(headers: Headers): number | undefined {
  return httpDate(headerOf(headers, "date") ?? "");
}
