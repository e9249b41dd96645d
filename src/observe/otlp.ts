import type { Env } from "../core/edges.ts";
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
import { type StartRotation, makeTracing } from "./trace.ts";

export interface Tracing {
  readonly startRotation: StartRotation;
  /** Sends what is waiting, for at most a few seconds. */
  close(): Promise<void>;
}

const CLOSE_MS = 3000;
const COMPLAIN_EVERY_MS = 60_000;

/**
 * Traces by OTLP over HTTP (protobuf), set up by the variables of the OpenTelemetry specification, "Environment Variable
 * Specification": endpoint, headers, certificates and time-out by OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER and its _ARG,
 * OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME, OTEL_BSP_SCHEDULE_DELAY.
 */
export function startTracing(options: {
  readonly env: Env;
  readonly version: string;
  readonly instance: string;
  readonly credentialId: boolean;
  now(): Instant;
  /** Spans are being lost. Said at most once a minute; never with the exporter's own text, which may quote headers. */
  onLost(spans: number): void;
}): Tracing {
  const { env } = options;
  const attributes = {
    "service.name": "evertoken",
    "service.version": options.version,
    "service.instance.id": options.instance,
  };
  const resource = resourceFromAttributes(attributes).merge(detectResources({ detectors: [envDetector] }));
  const lost = makeComplaint(options);
  const exporter = watched(new OTLPTraceExporter(), lost);
  const delay = Number(env["OTEL_BSP_SCHEDULE_DELAY"]);
  const processor = new BatchSpanProcessor({ exporter, ...(delay > 0 && { scheduledDelayMillis: delay }) });
  const provider = new TracerProvider({ resource, sampler: samplerOf(env), spanProcessors: [processor] });
  return {
    startRotation: makeTracing(provider.getTracer("evertoken", options.version), options),
    async close() {
      const ended = provider.shutdown().catch(() => lost(0));
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    },
  };
}

/** A root decides for its children; rotations have no remote parents. */
function samplerOf(env: Env): Sampler {
  const name = env["OTEL_TRACES_SAMPLER"]?.replace(/^parentbased_/, "");
  if (name === "always_off") return new AlwaysOffSampler();
  if (name !== "traceidratio") return new AlwaysOnSampler();
  const ratio = Number(env["OTEL_TRACES_SAMPLER_ARG"] ?? "1");
  return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(Number.isFinite(ratio) ? ratio : 1) });
}

function makeComplaint(options: { now(): Instant; onLost(spans: number): void }): (spans: number) => void {
  let saidAt = -Infinity;
  let unsaid = 0;
  return (spans) => {
    unsaid += spans;
    if (options.now() - saidAt < COMPLAIN_EVERY_MS) return;
    saidAt = options.now();
    options.onLost(unsaid);
    unsaid = 0;
  };
}

function watched(exporter: SpanExporter, lost: (spans: number) => void): SpanExporter {
  return {
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined) lost(spans.length);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
