import type { Config } from "../config/config.ts";
import { renderCredentialSeries } from "../observe/credential-series.ts";
import type { Metrics } from "../observe/metrics.ts";
import { readAll, readFailing } from "../queue/views/series.ts";
import type { RedisLink } from "../queue/redis/link.ts";

/** Takes the series by credential anew, if they are wanted; never at a scrape. */
export function makeCredentialSeries(config: Config, redis: RedisLink, metrics: Metrics): () => Promise<void> {
  const { perCredential, maxSeries } = config.metrics;
  if (perCredential === "off") return async () => undefined;
  const read = perCredential === "all" ? readAll : readFailing;
  const providers = [...config.providers.keys()];
  return async () => {
    const { facts, total } = await read(redis, providers, maxSeries);
    const { text, kept } = await renderCredentialSeries(facts, maxSeries);
    metrics.setCredentialSeries(text, total - kept);
  };
}
