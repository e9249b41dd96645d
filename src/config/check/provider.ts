import { sampleOf } from "../expand/placeholders.ts";
import type { Finding, Path } from "../problem.ts";
import { type Preset, presets } from "../resolve/presets.ts";
import { WRONG } from "../shape/salvage.ts";
import type { ConfigFile, ProviderFile } from "../shape/schema.ts";
import { closest } from "../suggest.ts";

/** Checks providers: their token endpoints and request parameters. */

/** Parameters that the grant and the client authentication set themselves. */
const RESERVED = new Set([
  "grant_type",
  "client_id",
  "client_secret",
  "client_assertion",
  "client_assertion_type",
  "scope",
]);

export function checkProviders(file: Pick<ConfigFile, "providers">): Finding[] {
  return Object.entries(file.providers).flatMap(([name, provider]) => {
    const path = ["providers", name];
    return [...checkEndpoint(provider, path), ...checkParams(provider.params, [...path, "params"])];
  });
}

export function checkParams(params: ProviderFile["params"], path: Path): Finding[] {
  return Object.keys(params ?? {})
    .filter((name) => RESERVED.has(name))
    .map((key) => {
      const instead =
        key === "scope" ? "write scope: beside params" : "evertoken sets it from clientId, clientSecret and grant";
      return { severity: "error", path, key, message: `the parameter ${key} cannot be set here; ${instead}` };
    });
}

function checkEndpoint(provider: ProviderFile, base: Path): Finding[] {
  const path = [...base, "tokenEndpoint"];
  const error = (message: string): Finding[] => [{ severity: "error", path, message }];
  if (provider.tokenEndpoint === WRONG) return [];
  const sample = sampleOf(provider.tokenEndpoint);
  const url = URL.parse(sample);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return error("this is not a URL; write https://HOST/PATH");
  }
  if (url.username !== "" || url.password !== "") {
    return error("a URL must not hold a user or password; the client secret belongs in clientSecret");
  }
  if (url.hash !== "")
    return error("a token endpoint has no fragment (RFC 6749 section 3.2); leave out the # and what follows");
  if (url.protocol === "http:" && !isLoopback(url.hostname) && provider.allowInsecure !== true) {
    return error(
      "plain http would show the client secret to the network; write https://, or allowInsecure: true if you must",
    );
  }
  const preset = provider.preset && presets[provider.preset];
  return preset === undefined || sample !== provider.tokenEndpoint ? [] : checkPreset(preset, url, path);
}

/** Warns of a host that looks mistyped. Any other host is allowed: a private instance has its own. */
function checkPreset(preset: Preset, url: URL, path: Path): Finding[] {
  const findings: Finding[] = [];
  const console = Object.hasOwn(preset.consoles, url.hostname) ? preset.consoles[url.hostname] : undefined;
  const meant = console ?? (preset.hosts.includes(url.hostname) ? undefined : closest(url.hostname, preset.hosts));
  if (meant !== undefined) {
    const problem = console === undefined ? "is not a known API domain" : "is the domain of a console, not of its API";
    findings.push({
      severity: "warning",
      path,
      message: `${url.hostname} ${problem}`,
      quoted: url.hostname,
      suggestion: `https://${meant}${preset.tokenPath}`,
    });
  } else if (url.pathname !== preset.tokenPath && !isLoopback(url.hostname)) {
    findings.push({
      severity: "warning",
      path,
      message: `the token endpoint of this provider is usually at ${preset.tokenPath}`,
    });
  }
  return findings;
}

/** Whether a host can only be this machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}
