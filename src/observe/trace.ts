import {
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Credential, Instant, Provider } from "../core/credential.ts";
import type { Exchange } from "../core/ports/exchange.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import type { RotationTrace } from "../core/ports/ports.ts";
import type { Store } from "../core/ports/store.ts";

/**
 * The spans of one rotation. Their attributes are configured names, closed vocabularies and numbers; never a header, a
 * body or a token, and of a URL only the host.
 */
export interface RotationSpans extends RotationTrace {
  exchange(exchange: Exchange): Exchange;
  store(name: string, store: Store): Store;
  /** Ends the trace. Returns the outcome with the ids of the trace, for the log line. */
  end(outcome: Outcome): Outcome;
}

export type StartRotation = (
  job: { readonly dueAt: Instant },
  credential: Credential,
  provider: Provider,
) => RotationSpans | undefined;

/** Trace id, span id and flags (W3C Trace Context, section 3.2). As base64 a third shorter than as its header. */
const MARK_BYTES = 16 + 8 + 1;

/**
 * One trace per run of a rotation, from due to re-armed, with spans for the claim, the exchange and every call to a
 * store. It is linked to the trace of the rotation that scheduled it. It is not its child, because days lie between
 * them (OpenTelemetry specification, "Links between spans").
 */
export function makeTracing(tracer: Tracer, options: { now(): Instant; credentialId: boolean }): StartRotation {
  return (job, credential, provider) => {
    const now = options.now();
    const root = tracer.startSpan(
      "rotate",
      {
        kind: SpanKind.CONSUMER,
        startTime: Math.min(job.dueAt, now),
        attributes: {
          "evertoken.provider": provider.name,
          ...(options.credentialId && { "evertoken.credential": credential.id }),
        },
      },
      ROOT_CONTEXT,
    );
    // Not sampled: no spans are needed.
    if (!root.isRecording()) return undefined;
    const within = trace.setSpan(ROOT_CONTEXT, root);
    const claim = tracer.startSpan("claim", { startTime: Math.min(job.dueAt, now) }, within);
    const { host } = new URL(credential.tokenEndpoint ?? provider.tokenEndpoint);

    function startClientSpan(name: string, attributes: Record<string, string>): Span {
      return tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, within);
    }
    return {
      mark: markOf(root),
      claimed: () => claim.end(),
      scheduledBy(mark) {
        const context = contextOf(mark);
        if (context !== undefined) root.addLink({ context });
      },
      exchange: (inner) => ({
        exchange: (of, secrets, signal) =>
          inSpan(startClientSpan("exchange", { "evertoken.provider": provider.name, "server.address": host }), () =>
            inner.exchange(of, secrets, signal),
          ),
        close: () => inner.close(),
      }),
      store: (name, inner) => tracedStore(inner, (call) => startClientSpan(call, { "evertoken.store": name })),
      end(outcome) {
        claim.end();
        root.setAttributes({
          "evertoken.rotation_id": outcome.rotationId,
          "evertoken.outcome": outcome.result,
          "evertoken.attempt": outcome.attempt,
          ...(outcome.reason !== undefined && { "evertoken.reason": outcome.reason }),
          ...(outcome.revision > 0 && { "evertoken.revision": outcome.revision }),
        });
        if (outcome.error !== undefined) markFailed(root, outcome.error);
        else if (outcome.result === "unpublished") markFailed(root, outcome.targets.find((t) => t.error)?.error ?? {});
        root.end();
        const { traceId, spanId } = root.spanContext();
        return { ...outcome, trace: { traceId, spanId } };
      },
    };
  };
}

async function inSpan<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    markFailed(span, error as { class?: unknown; code?: unknown; status?: unknown });
    throw error;
  } finally {
    span.end();
  }
}

function tracedStore(store: Store, open: (call: string) => Span): Store {
  const { prune } = store;
  return {
    maxBytes: store.maxBytes,
    look: (secret, signal) => inSpan(open("head"), () => store.look(secret, signal)),
    publish: (version, known, signal) => inSpan(open("publish"), () => store.publish(version, known, signal)),
    ...(prune !== undefined && {
      prune: (secret, versions, signal) => inSpan(open("prune"), () => prune.call(store, secret, versions, signal)),
    }),
    close: () => store.close(),
  };
}

function markOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const flags = traceFlags.toString(16).padStart(2, "0");
  return Buffer.from(`${traceId}${spanId}${flags}`, "hex").toString("base64url");
}

/** Undefined for a mark in the format of another release: the link is then left out. */
function contextOf(mark: string): SpanContext | undefined {
  const bytes = Buffer.from(mark, "base64url");
  if (bytes.length !== MARK_BYTES) return undefined;
  const traceFlags = bytes.at(-1) ?? 0;
  return { traceId: bytes.toString("hex", 0, 16), spanId: bytes.toString("hex", 16, 24), traceFlags, isRemote: true };
}

/** Only class and code, which are closed vocabularies: messages stay in the log. */
function markFailed(span: Span, error: { class?: unknown; code?: unknown; status?: unknown }): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute("error.type", typeof error.class === "string" ? error.class : "_OTHER");
  if (typeof error.code === "string") span.setAttribute("evertoken.error_code", error.code);
  if (typeof error.status === "number") span.setAttribute("http.response.status_code", error.status);
}
