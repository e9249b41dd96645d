import type { Config } from "../config/config.ts";
import { renderCredentialSeries } from "../observe/credential-series.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { readAll, readFailing } from "../queue/views/series.ts";

/** Renders the series by credential anew, if the configuration wants them. A scrape never does: it shows the last ones. */
export async function renewCredentialSeries(config: Config, redis: RedisLink, metrics: Metrics): Promise<void> {
  const { perCredential, maxSeries } = config.metrics;
  if (perCredential === "off") return;
  const read = perCredential === "all" ? readAll : readFailing;
  const { facts, total } = await read(redis, [...config.providers.keys()], maxSeries);
  const { text, kept } = await renderCredentialSeries(facts, maxSeries);
  metrics.setCredentialSeries(text, total - kept);
}
