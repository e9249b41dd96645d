import { setTimeout as delay } from "node:timers/promises";

/** The answer, but not before so long has passed: calls one after another that keep below a rate. */
export async function atLeast<T>(ms: number, call: Promise<T>): Promise<T> {
  const [answer] = await Promise.all([call, delay(ms)]);
  return answer;
}
