import type { Labels } from "../../core/credential.ts";

/** A choice of credentials by their labels. */
export interface Selector {
  matches(labels: Labels): boolean;
}

type Requirement = Selector["matches"];

/** A label's name: 1 to 63 letters, digits, `-`, `_` and `.`, perhaps behind a DNS name and a slash (Kubernetes' rule). */
export const LABEL_NAME =
  /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
/** A label's value: the same without a prefix, or empty. */
export const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

const FORMS = "write key=value, key!=value, key in (a,b), key notin (a,b), key or !key, joined by commas";

/**
 * kubectl's label selectors: `env=prod,tier!=free,region in (eu,us),!retired`. All requirements must hold. As there, `!=` and
 * `notin` also match what does not have the label. Gives what is wrong with the text instead where it is not understood.
 */
export function parseSelector(text: string): Selector | string {
  const requirements: Requirement[] = [];
  for (const part of splitOutside(text)) {
    const requirement = parseRequirement(part.trim());
    if (typeof requirement === "string") return requirement;
    requirements.push(requirement);
  }
  return { matches: (labels) => requirements.every((matches) => matches(labels)) };
}

/** At the commas that do not stand in brackets. */
function splitOutside(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseRequirement(text: string): Requirement | string {
  if (text === "") return `an empty requirement; ${FORMS}`;
  const absent = /^!\s*(\S+)$/.exec(text);
  if (absent !== null) return named(absent[1], (key) => (labels) => !Object.hasOwn(labels, key));
  const equal = /^([^\s=!()]+)\s*(==?|!=)\s*([^\s=!()]*)$/.exec(text);
  if (equal !== null) return choice(equal[1], equal[2] !== "!=", [equal[3] ?? ""]);
  const listed = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (listed !== null) {
    const values = (listed[3] ?? "").split(",").map((value) => value.trim());
    return choice(listed[1], listed[2] === "in", values);
  }
  if (/[\s=!()<>]/.test(text)) return `"${text}" is not understood; ${FORMS}`;
  return named(text, (key) => (labels) => Object.hasOwn(labels, key));
}

/** Whether the label has one of these values, or, negated, none of them. */
function choice(name: string | undefined, wanted: boolean, values: readonly string[]): Requirement | string {
  const wrong = values.find((value) => !LABEL_VALUE.test(value));
  if (wrong !== undefined) return `"${wrong}" is no label value: at most 63 letters, digits, - _ and . are`;
  return named(name, (key) => (labels) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return (value !== undefined && values.includes(value)) === wanted;
  });
}

function named(name: string | undefined, requirement: (key: string) => Requirement): Requirement | string {
  if (name !== undefined && LABEL_NAME.test(name)) return requirement(name);
  return `"${name}" is no label name: 1 to 63 letters, digits, - _ and . are, perhaps behind a DNS name and a slash`;
}
