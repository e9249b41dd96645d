/** Words of codes by which servers throttle: `RateLimitExceeded`, `QUOTA_EXHAUSTED`, `TooManyRequests`, ... */
const CODE = /rate_?limit|limit_?exceeded|quota|throttl|too_?many|slow_?down/;
/** Words of descriptions. A description is searched, never shown. */
const DESCRIPTION =
  /rate[ -]?limit|rate exceeded|too many (?:\w+ ){0,2}(?:requests?|attempts?|calls?|logins?)|quota|throttl|slow down/i;
/** Members in which servers describe a refusal. */
const MEMBERS = ["error_description", "message", "errorMessage", "error_message", "errmsg", "msg", "detail", "title"];
const SEARCHED_CHARACTERS = 500;

export function isThrottleCode(code: string | undefined): boolean {
  return CODE.test((code ?? "").toLowerCase().replaceAll(/[^a-z0-9]+/g, "_"));
}

/** Whether a body describes its refusal as a throttle. `objects`: the body, and the object of its error. */
export function isDescribedThrottle(objects: readonly Readonly<Record<string, unknown>>[]): boolean {
  return objects.some((object) =>
    MEMBERS.some((name) => {
      const text = Object.hasOwn(object, name) ? object[name] : undefined;
      return typeof text === "string" && DESCRIPTION.test(text.slice(0, SEARCHED_CHARACTERS));
    }),
  );
}
