import { DURATION } from "../../core/duration.ts";
import { LABEL_NAME, LABEL_VALUE } from "./selector.ts";

/** Accepts a valid credential without the schema, and holds the limits that both apply. */

export const ID = /^[A-Za-z0-9._-]{1,128}$/;
/** `75%` or `0.75`. */
export const SHARE = /^\d+(\.\d+)?%?$/;
export const MAX_SECRETS = 4;
export const MAX_TARGETS = 8;

/**
 * Whether a credential is valid beyond doubt; false where in doubt. Ten times as fast as the schema, which checks the
 * whole list as soon as one credential fails here. A property test proves that the schema accepts what this function
 * accepts.
 */
export function isClearlyValid(credential: unknown): boolean {
  if (!isMap(credential) || credential["id"] === undefined) return false;
  for (const key in credential) if (!isValidValue(key, credential[key])) return false;
  return true;
}

function isValidValue(key: string, value: unknown): boolean {
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
        ? value.length > 0 && value.length <= MAX_SECRETS && value.every(isValidRef)
        : isValidRef(value);
    case "labels":
      return isMap(value) && everyMember(value, isValidLabel);
    case "params":
      return isMap(value) && everyMember(value, isValidParam);
    case "publish":
      return Array.isArray(value) && value.length > 0 && value.length <= MAX_TARGETS && value.every(isValidTarget);
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

function isValidRef(value: unknown): boolean {
  if (!isMap(value)) return false;
  let count = 0;
  for (const key in value) {
    if ((key !== "file" && key !== "env") || !isText(value[key])) return false;
    count++;
  }
  return count === 1;
}

function isValidLabel(name: string, value: unknown): boolean {
  return (typeof value === "string" || isNumber(value)) && LABEL_NAME.test(name) && LABEL_VALUE.test(String(value));
}

function isValidParam(name: string, value: unknown): boolean {
  return (
    name !== "" &&
    (typeof value === "string" || (Array.isArray(value) && value.every((each) => typeof each === "string")))
  );
}

function isValidTarget(value: unknown): boolean {
  if (!isMap(value) || value["store"] === undefined || value["secret"] === undefined) return false;
  for (const key in value) {
    const member = value[key];
    if (key === "format" ? member !== "json" && member !== "token" && member !== "template" : !isText(member))
      return false;
    if (key !== "format" && key !== "store" && key !== "secret" && key !== "template") return false;
  }
  return true;
}

type Members = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function everyMember(map: Members, isValid: (name: string, value: unknown) => boolean): boolean {
  for (const name in map) if (!isValid(name, map[name])) return false;
  return true;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}
