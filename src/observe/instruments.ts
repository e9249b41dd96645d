import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/** Makes the instruments of one process; every name gets the prefix `evertoken_`. */
export interface Instruments {
  gauge<T extends string>(name: string, help: string, labelNames?: readonly T[]): Gauge<T>;
  counter<T extends string>(name: string, help: string, labelNames?: readonly T[]): Counter<T>;
  /** Buckets in seconds. */
  histogram<T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[],
    buckets: readonly number[],
  ): Histogram<T>;
  readonly contentType: string;
  exposition(): Promise<string>;
}

/** Includes Node's own metrics (`nodejs_*`, `process_*`). */
export function makeInstruments(): Instruments {
  const registry = new Registry();
  // The default of 10 ms wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const registers = [registry];
  return {
    gauge: (name, help, labelNames = []) =>
      new Gauge({ name: `evertoken_${name}`, help, labelNames: [...labelNames], registers }),
    counter: (name, help, labelNames = []) =>
      new Counter({ name: `evertoken_${name}`, help, labelNames: [...labelNames], registers }),
    histogram: (name, help, labelNames, buckets) =>
      new Histogram({ name: `evertoken_${name}`, help, labelNames: [...labelNames], buckets: [...buckets], registers }),
    contentType: registry.contentType,
    exposition: () => registry.metrics(),
  };
}
