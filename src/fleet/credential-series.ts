import type { Config } from "../config/config.ts";
import { renderCredentialSeries } from "../observe/credential-series.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { readAllSeries, readFailingSeries } from "../queue/views/series.ts";

/**
 * Renders the series by credential anew, if the configuration wants them. A scrape never does: it shows the last ones.
 */
export async function renewCredentialSeries(config: Config, redis: RedisLink, metrics: Metrics): Promise<void> {
  const { perCredential, maxSeries } = config.metrics;
  if (perCredential === "off") return;
  const read = perCredential === "all" ? readAllSeries : readFailingSeries;
  const { series, total } = await read(redis, [...config.providers.keys()], maxSeries);
  const { text, kept } = await renderCredentialSeries(series, maxSeries);
  metrics.setCredentialSeries(text, total - kept);
}
