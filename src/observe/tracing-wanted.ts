import type { Env } from "../core/edges.ts";

/**
 * Are traces asked for? By the standard variables alone (OpenTelemetry specification, "Environment Variable Specification"):
 * an OTLP endpoint is set, and neither OTEL_SDK_DISABLED nor OTEL_TRACES_EXPORTER=none says otherwise. A text is why they
 * cannot be had.
 */
export function tracingWanted(env: Env): boolean | string {
  const endpoint = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (!endpoint || env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return false;
  const exporter = env["OTEL_TRACES_EXPORTER"] || "otlp";
  if (exporter === "none") return false;
  if (exporter !== "otlp") return "OTEL_TRACES_EXPORTER knows otlp and none";
  const protocol = env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] || env["OTEL_EXPORTER_OTLP_PROTOCOL"] || "http/protobuf";
  if (protocol !== "http/protobuf") return "OTEL_EXPORTER_OTLP_PROTOCOL knows http/protobuf";
  return /^https?:\/\//.test(endpoint) ? true : "the OTLP endpoint must be an http:// or https:// address";
}
