import { isIP } from "node:net";

/**
 * Whether a browser may read the page under this Host header. By DNS rebinding a foreign web page reads what listens on
 * the user's machine: a name of the attacker resolves to that machine. The browser sends this name in the Host header,
 * so only listed names are allowed. An address is always allowed: it cannot be rebound.
 */
export function isKnownHost(header: string | undefined, allowed: readonly string[]): boolean {
  const name = hostName(header);
  if (name === undefined) return false;
  if (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost")) return true;
  return allowed.some((entry) => {
    const known = entry.toLowerCase();
    return known.startsWith("*.") ? name.endsWith(known.slice(1)) : name === known;
  });
}

/** One line, with the key to set. It quotes the header only if that is a well-formed name. */
export function foreignHostMessage(header: string | undefined): string {
  const name = hostName(header);
  const request = name === undefined ? "without a host name" : `under the name ${name}`;
  return (
    `a request ${request} is refused, as it may come from a foreign page (DNS rebinding): ` +
    "add the name to http.allowedHosts, or use an address or localhost"
  );
}

/** In lower case, without port and brackets; undefined if the header is neither a name nor an address. */
function hostName(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::\d{1,5})?$/i.exec(header ?? "");
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, "");
}
