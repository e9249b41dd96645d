import type { Env } from "../core/edges.ts";
import { interpolate } from "./read/interpolate.ts";
import { readText } from "./read/text.ts";
import { defaultListen, parseListen } from "./shape/listen-address.ts";

/** In YAML that is not JSON a key of the top level stands at the beginning of its line. */
const SECTION = /^(["']?)http\1[ \t]*:(?<rest>[^\n]*)\n?(?<below>(?:[ \t#][^\n]*(?:\n|$)|\n)*)/m;
const LISTEN =
  /(?:^|[\s{,])(["']?)listen\1[ \t]*:[ \t]*(?:"(?<double>[^"\n]*)"|'(?<single>[^'\n]*)'|(?<plain>[^\s,}#]+))/m;

/**
 * Reads `http.listen` of a configuration and nothing else: for a health check it takes too long to parse 100,000
 * credentials. Undefined for a wrong address, and where only a parser finds it (an alias, a merge key).
 */
export async function listenOf(
  file: string,
  env: Env,
): Promise<{ readonly host: string; readonly port: number } | undefined> {
  const read = await readText(file);
  const written = "text" in read ? findListen(read.text) : undefined;
  if (written === undefined) return undefined;
  const { value, findings } = interpolate(written, env);
  return findings.length > 0 ? undefined : parseListen(String(value));
}

function findListen(text: string): string | undefined {
  if (/^\s*[{[]/.test(text)) return fromJson(text);
  if (/^<<[ \t]*:/m.test(text)) return undefined;
  const section = SECTION.exec(text)?.groups;
  if (section === undefined) return defaultListen;
  const inside = `${section["rest"]}\n${section["below"]}`.replaceAll(/(^|\s)#.*$/gm, "");
  if (/[&*!]|<</.test(inside)) return undefined;
  const found = LISTEN.exec(inside)?.groups;
  return found === undefined ? defaultListen : (found["double"] ?? found["single"] ?? found["plain"]);
}

function fromJson(text: string): string | undefined {
  try {
    const value = JSON.parse(text) as { http?: { listen?: unknown } };
    const listen = value.http?.listen ?? defaultListen;
    return typeof listen === "string" ? listen : undefined;
  } catch {
    return undefined; // YAML in flow style, or broken: a parser knows
  }
}
