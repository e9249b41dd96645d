/**
 * Waits for a slot of the budget that the store shares with other replicas and stores (AWS: an account and region, GCP:
 * a project). MUST be awaited before every call that writes. Throws PublishError `throttled` when there is none in
 * time.
 */
export type Pace = (signal: AbortSignal) => Promise<void>;

/** Where nothing limits the calls. */
export async function unpaced(): Promise<void> {}
