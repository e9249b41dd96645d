import type { Attention } from "../snapshot.ts";

/** An entry of the attention list, without credential and provider: its place in Redis names those. */
export type FailingEntry = Omit<Attention, "credential" | "provider">;

/** One JSON object. The format is on the wire: replicas of another release read it. */
export function encodeFailing(entry: FailingEntry): string {
  return JSON.stringify(entry);
}

export function decodeFailing(text: string): FailingEntry {
  return JSON.parse(text) as FailingEntry;
}
