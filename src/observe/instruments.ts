import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/** Makes the instruments of one process. Every name gets the prefix `evertoken_`. */
export interface Instruments {
  gauge<T extends string>(name: string, help: string, labels?: readonly T[]): Gauge<T>;
  counter<T extends string>(name: string, help: string, labels?: readonly T[]): Counter<T>;
  /** Buckets in seconds. */
  histogram<T extends string>(
    name: string,
    help: string,
    options: { readonly labels: readonly T[]; readonly buckets: readonly number[] },
  ): Histogram<T>;
  readonly contentType: string;
  /** Every metric in the text format of Prometheus, with those of Node (`nodejs_*`, `process_*`). */
  exposition(): Promise<string>;
}

export function makeInstruments(): Instruments {
  const registry = new Registry();
  // The default of 10 ms wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const common = <T extends string>(name: string, help: string, labels: readonly T[]) => {
    return { name: `evertoken_${name}`, help, labelNames: [...labels], registers: [registry] };
  };
  return {
    gauge: (name, help, labels = []) => new Gauge(common(name, help, labels)),
    counter: (name, help, labels = []) => new Counter(common(name, help, labels)),
    histogram: (name, help, { labels, buckets }) =>
      new Histogram({ ...common(name, help, labels), buckets: [...buckets] }),
    contentType: registry.contentType,
    exposition: () => registry.metrics(),
  };
}
