import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Instant } from "../core/credential.ts";
import type { Env } from "../core/edges.ts";
import { type StartRotation, makeTracing } from "./trace.ts";

export interface Tracing {
  readonly startRotation: StartRotation;
  /** Sends the spans that wait, for at most CLOSE_MS. */
  close(): Promise<void>;
}

const CLOSE_MS = 3000;
const REPORT_EVERY_MS = 60_000;

/**
 * Traces by OTLP over HTTP (protobuf), configured by variables of the OpenTelemetry specification ("Environment
 * Variable Specification"): OTEL_EXPORTER_OTLP_* for endpoint, headers, certificates and timeout; OTEL_TRACES_SAMPLER
 * and its _ARG; OTEL_RESOURCE_ATTRIBUTES; OTEL_SERVICE_NAME; OTEL_BSP_SCHEDULE_DELAY.
 */
export function startTracing(options: {
  readonly env: Env;
  readonly version: string;
  readonly instance: string;
  readonly credentialId: boolean;
  now(): Instant;
  /** Called at most once a minute with the spans lost since. Without the exporter's error, which may quote headers. */
  onLost(spans: number): void;
}): Tracing {
  const { env } = options;
  const attributes = {
    "service.name": "evertoken",
    "service.version": options.version,
    "service.instance.id": options.instance,
  };
  const resource = resourceFromAttributes(attributes).merge(detectResources({ detectors: [envDetector] }));
  const reportLost = makeLossReport(options);
  const exporter = watchExporter(new OTLPTraceExporter(), reportLost);
  const delay = Number(env["OTEL_BSP_SCHEDULE_DELAY"]);
  const processor = new BatchSpanProcessor({ exporter, ...(delay > 0 && { scheduledDelayMillis: delay }) });
  const provider = new TracerProvider({ resource, sampler: samplerOf(env), spanProcessors: [processor] });
  return {
    startRotation: makeTracing(provider.getTracer("evertoken", options.version), options),
    async close() {
      const ended = provider.shutdown().catch(() => reportLost(0));
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    },
  };
}

/** Sampling is decided at the root span: a rotation has no remote parent. */
function samplerOf(env: Env): Sampler {
  const name = env["OTEL_TRACES_SAMPLER"]?.replace(/^parentbased_/, "");
  if (name === "always_off") return new AlwaysOffSampler();
  if (name !== "traceidratio") return new AlwaysOnSampler();
  const ratio = Number(env["OTEL_TRACES_SAMPLER_ARG"] ?? "1");
  return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(Number.isFinite(ratio) ? ratio : 1) });
}

function makeLossReport(options: { now(): Instant; onLost(spans: number): void }): (spans: number) => void {
  let reportedAt = -Infinity;
  let unreported = 0;
  return (spans) => {
    unreported += spans;
    if (options.now() - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = options.now();
    options.onLost(unreported);
    unreported = 0;
  };
}

function watchExporter(exporter: SpanExporter, reportLost: (spans: number) => void): SpanExporter {
  return {
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined) reportLost(spans.length);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
