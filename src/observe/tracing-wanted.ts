import type { Env } from "../core/edges.ts";

/**
 * Whether the standard variables ask for traces (OpenTelemetry specification, "Environment Variable Specification"): an
 * OTLP endpoint is set, and neither OTEL_SDK_DISABLED nor OTEL_TRACES_EXPORTER=none forbids them. A text says why the
 * settings are not supported.
 */
export function tracingWanted(env: Env): boolean | string {
  const endpoint = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (!endpoint || env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return false;
  const exporter = env["OTEL_TRACES_EXPORTER"] || "otlp";
  if (exporter === "none") return false;
  if (exporter !== "otlp") return "OTEL_TRACES_EXPORTER must be otlp or none";
  const protocol = env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] || env["OTEL_EXPORTER_OTLP_PROTOCOL"] || "http/protobuf";
  if (protocol !== "http/protobuf") return "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf";
  return /^https?:\/\//.test(endpoint) ? true : "the OTLP endpoint must be an http:// or https:// address";
}
