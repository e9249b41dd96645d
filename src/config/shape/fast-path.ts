import { LABEL_NAME, LABEL_VALUE } from "./selector.ts";
import { DURATION } from "../../core/duration.ts";
import { MAX_SECRETS } from "./secret-ref-error.ts";

/**
 * Whether a credential is written just as the schema wants it. Ten times as fast as the schema itself, which is asked about
 * every list in which one is not; a test holds the two together. Says no to what it is not sure of.
 */
export function isPlainCredential(value: unknown): boolean {
  if (!isMap(value) || value["id"] === undefined) return false;
  for (const key in value) if (!isPlainValue(key, value[key])) return false;
  return true;
}

export const ID = /^[A-Za-z0-9._-]{1,128}$/;
export const SHARE = /^\d+(\.\d+)?%?$/;
export const MAX_TARGETS = 8;

function isPlainValue(key: string, value: unknown): boolean {
  switch (key) {
    case "id":
      return (typeof value === "string" || isNumber(value)) && ID.test(String(value));
    case "clientId":
      return isText(value) || isNumber(value);
    case "template":
    case "provider":
    case "scope":
      return isText(value);
    case "clientSecret":
      return Array.isArray(value)
        ? value.length > 0 && value.length <= MAX_SECRETS && value.every(isPlainRef)
        : isPlainRef(value);
    case "labels":
      return isMap(value) && everyMember(value, isPlainLabel);
    case "params":
      return isMap(value) && everyMember(value, isPlainParam);
    case "publish":
      return Array.isArray(value) && value.length > 0 && value.length <= MAX_TARGETS && value.every(isPlainTarget);
    case "rotateAt":
      return isNumber(value) || (typeof value === "string" && SHARE.test(value));
    case "consumerCache":
    case "retryBudget":
    case "minInterval":
    case "lifetime":
    case "requestTimeout":
      return typeof value === "string" && DURATION.test(value);
    default:
      return false;
  }
}

function isPlainRef(value: unknown): boolean {
  if (!isMap(value)) return false;
  let count = 0;
  for (const key in value) {
    if ((key !== "file" && key !== "env") || !isText(value[key])) return false;
    count++;
  }
  return count === 1;
}

function isPlainLabel(name: string, value: unknown): boolean {
  return (typeof value === "string" || isNumber(value)) && LABEL_NAME.test(name) && LABEL_VALUE.test(String(value));
}

function isPlainParam(name: string, value: unknown): boolean {
  return (
    name !== "" &&
    (typeof value === "string" || (Array.isArray(value) && value.every((each) => typeof each === "string")))
  );
}

function isPlainTarget(value: unknown): boolean {
  if (!isMap(value) || value["store"] === undefined || value["secret"] === undefined) return false;
  for (const key in value) {
    const member = value[key];
    if (key === "format" ? member !== "json" && member !== "token" && member !== "template" : !isText(member))
      return false;
    if (key !== "format" && key !== "store" && key !== "secret" && key !== "template") return false;
  }
  return true;
}

type Loose = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function everyMember(map: Loose, fits: (name: string, value: unknown) => boolean): boolean {
  for (const name in map) if (!fits(name, map[name])) return false;
  return true;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}
