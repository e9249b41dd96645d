import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { makeTracing } from "../../src/observe/trace.ts";
import { tracingWanted } from "../../src/observe/tracing-wanted.ts";
import { rotate } from "../../src/core/rotation/rotate.ts";
import { credential, exchangeFails, makeWorld, provider, target, unavailable } from "../fakes/world.ts";

function makeTracedWorld(options: Parameters<typeof makeWorld>[0] & { credentialId?: boolean } = {}) {
  const exporter = new InMemorySpanExporter();
  const tracer = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }).getTracer("test");
  const world = makeWorld(options);
  const start = makeTracing(tracer, { now: () => world.now, credentialId: options.credentialId ?? false });
  const acme = credential({ publish: (options.stores ?? ["one"]).map((name) => target(name)) });
  async function run() {
    exporter.reset();
    const job = { jobId: "j", dueAt: world.now - 20, sendAt: world.now, mayExchange: true };
    const spans = start(job, acme, provider);
    if (spans === undefined) throw new Error("not sampled");
    const { ports } = world;
    const stores = new Map([...ports.stores].map(([name, store]) => [name, spans.store(name, store)] as const));
    const traced = { ...ports, exchange: spans.exchange(ports.exchange), stores, trace: spans };
    const outcome = spans.end(await rotate({ job, credential: acme, provider }, traced));
    const finished = exporter.getFinishedSpans();
    return { outcome, finished, named: (name: string) => finished.filter((span) => span.name === name) };
  }
  return { world, run };
}

describe("the trace of a rotation", () => {
  test("has the claim, the exchange and a publish per target below one root", async () => {
    const { run } = makeTracedWorld({ stores: ["one", "two"] });
    const { finished, named, outcome } = await run();
    const [root] = named("rotate");
    expect(finished.map((span) => span.name).toSorted()).toEqual(
      ["claim", "exchange", "head", "head", "publish", "publish", "rotate"].toSorted(),
    );
    expect(root?.parentSpanContext).toBeUndefined();
    expect(root?.attributes).toEqual({
      "evertoken.provider": "p",
      "evertoken.rotation_id": "acme/1",
      "evertoken.outcome": "rotated",
      "evertoken.reason": "NeverIssued",
      "evertoken.attempt": 1,
      "evertoken.revision": 1,
    });
    for (const span of finished.filter((each) => each.name !== "rotate")) {
      expect(span.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
      expect(span.spanContext().traceId).toBe(root?.spanContext().traceId);
    }
    expect(outcome.trace).toEqual({ traceId: root?.spanContext().traceId, spanId: root?.spanContext().spanId });
    expect(named("publish").map((span) => span.attributes["evertoken.store"])).toEqual(["one", "two"]);
    expect(named("exchange")[0]?.attributes).toEqual({
      "evertoken.provider": "p",
      "server.address": "login.example.com",
    });
  });

  test("is linked to the rotation that scheduled it", async () => {
    const { world, run } = makeTracedWorld();
    const first = await run();
    world.now += 3_000_000;
    const second = await run();
    const scheduler = first.named("rotate")[0]?.spanContext();
    const [root] = second.named("rotate");
    expect(first.named("rotate")[0]?.links).toEqual([]);
    expect(root?.links.map(({ context }) => [context.traceId, context.spanId])).toEqual([
      [scheduler?.traceId, scheduler?.spanId],
    ]);
    expect(root?.spanContext().traceId).not.toBe(scheduler?.traceId);
  });

  test("has the class and code of a failed exchange, and nothing else about it", async () => {
    const { world, run } = makeTracedWorld();
    world.fail = exchangeFails();
    const { named } = await run();
    const error = { "error.type": "transient", "evertoken.error_code": "http_503", "http.response.status_code": 503 };
    expect(named("exchange")[0]).toMatchObject({ status: { code: 2 }, attributes: error, events: [] });
    expect(named("rotate")[0]).toMatchObject({ status: { code: 2 }, attributes: error, events: [] });
  });

  test("names the store that did not take the token", async () => {
    const { world, run } = makeTracedWorld({ stores: ["one", "two"] });
    world.store("two").down = unavailable();
    const { named } = await run();
    const failed = named("head")
      .concat(named("publish"))
      .filter((span) => span.attributes["error.type"] !== undefined);
    expect(new Set(failed.map((span) => span.attributes["evertoken.store"]))).toEqual(new Set(["two"]));
    expect(named("rotate")[0]?.attributes).toMatchObject({
      "evertoken.outcome": "unpublished",
      "error.type": "unavailable",
    });
  });

  test("names the credential only if tracing is configured to", async () => {
    const silent = await makeTracedWorld().run();
    const open = await makeTracedWorld({ credentialId: true }).run();
    expect(silent.named("rotate")[0]?.attributes).not.toHaveProperty("evertoken.credential");
    expect(open.named("rotate")[0]?.attributes["evertoken.credential"]).toBe("acme");
  });

  test("keeps one rotation id over all tries of a revision", async () => {
    const { world, run } = makeTracedWorld();
    world.fail = exchangeFails();
    const first = await run();
    world.fail = undefined;
    world.now += 100_000;
    const second = await run();
    world.now += 3_000_000;
    const third = await run();
    expect([first, second, third].map(({ outcome }) => outcome.rotationId)).toEqual(["acme/1", "acme/1", "acme/2"]);
  });
});

describe("the settings for traces", () => {
  const OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT";
  test.each([
    [{}, false],
    [{ [OTLP]: "" }, false],
    [{ [OTLP]: "http://collector:4318" }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector/v1/traces" }, true],
    [{ [OTLP]: "http://collector:4318", OTEL_SDK_DISABLED: "true" }, false],
    [{ [OTLP]: "http://collector:4318", OTEL_TRACES_EXPORTER: "none" }, false],
    [{ [OTLP]: "http://collector:4318", OTEL_TRACES_EXPORTER: "jaeger" }, "OTEL_TRACES_EXPORTER must be otlp or none"],
    [
      { [OTLP]: "http://collector:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf",
    ],
    [{ [OTLP]: "collector:4318" }, "the OTLP endpoint must be an http:// or https:// address"],
  ])("are the standard variables: %j -> %j", (env, wanted) => {
    expect(tracingWanted(env)).toBe(wanted);
  });
});
