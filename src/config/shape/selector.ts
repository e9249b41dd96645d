import type { Labels } from "../../core/credential.ts";

/** Selects credentials by their labels. */
export interface Selector {
  matches(labels: Labels): boolean;
}

type Requirement = Selector["matches"];

/** 1 to 63 letters, digits, `-`, `_` and `.`, optionally after a DNS name and a slash (as in Kubernetes). */
export const LABEL_NAME =
  /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
/** A name without a prefix, or an empty text. */
export const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

const FORMS = "write key=value, key!=value, key in (a,b), key notin (a,b), key or !key, joined by commas";

/**
 * Reads a label selector of kubectl: `env=prod,tier!=free,region in (eu,us),!retired`. All its requirements must hold.
 * As in kubectl, `!=` and `notin` also match credentials without the label. A text is the message about an invalid
 * selector.
 */
export function parseSelector(text: string): Selector | string {
  const requirements: Requirement[] = [];
  for (const part of splitAtCommas(text)) {
    const requirement = parseRequirement(part.trim());
    if (typeof requirement === "string") return requirement;
    requirements.push(requirement);
  }
  return { matches: (labels) => requirements.every((matches) => matches(labels)) };
}

/** Leaves the commas between brackets alone. */
function splitAtCommas(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseRequirement(text: string): Requirement | string {
  if (text === "") return `an empty requirement; ${FORMS}`;
  const absent = /^!\s*(\S+)$/.exec(text);
  if (absent !== null) return aboutLabel(absent[1], (key) => (labels) => !Object.hasOwn(labels, key));
  const equal = /^([^\s=!()]+)\s*(==?|!=)\s*([^\s=!()]*)$/.exec(text);
  if (equal !== null) return valueIn(equal[1], equal[2] !== "!=", [equal[3] ?? ""]);
  const listed = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (listed !== null) {
    const values = (listed[3] ?? "").split(",").map((value) => value.trim());
    return valueIn(listed[1], listed[2] === "in", values);
  }
  if (/[\s=!()<>]/.test(text)) return `"${text}" is not a requirement; ${FORMS}`;
  return aboutLabel(text, (key) => (labels) => Object.hasOwn(labels, key));
}

/** With `wanted` the label must have one of the values, without `wanted` none of them. */
function valueIn(name: string | undefined, wanted: boolean, values: readonly string[]): Requirement | string {
  const wrong = values.find((value) => !LABEL_VALUE.test(value));
  if (wrong !== undefined) return `"${wrong}" is not a label value: at most 63 letters, digits, - _ and .`;
  return aboutLabel(name, (key) => (labels) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return (value !== undefined && values.includes(value)) === wanted;
  });
}

function aboutLabel(name: string | undefined, requirement: (key: string) => Requirement): Requirement | string {
  if (name !== undefined && LABEL_NAME.test(name)) return requirement(name);
  return `"${name}" is not a label name: 1 to 63 letters, digits, - _ and ., optionally after a DNS name and a slash`;
}
