import { describe, expect, test } from "vitest";
import { configurationOf } from "../fakes/configuration.ts";
import { makeSite } from "../fakes/daemon.ts";
import { startOtlpReceiver } from "../fakes/otlp.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const CLIENT_SECRET = "canary-client-secret-7d1f";
const ACCESS_TOKEN = "canary-access-token-93ba";

async function makeTracedSite() {
  const provider = await startTokenEndpoint();
  const receiver = await startOtlpReceiver();
  const site = await makeSite();
  provider.otherwise(token({ access_token: ACCESS_TOKEN, expires_in: 3 }));
  await site.write("secret", CLIENT_SECRET);
  await site.configure(configurationOf(`${provider.url}?key=canary-query`, ["acme"]));
  return {
    receiver,
    site,
    async [Symbol.asyncDispose]() {
      await site[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

describe("a daemon with an OTLP receiver", () => {
  test("sends one trace per rotation, linked to the last, with the ids of the log lines and no secret", async () => {
    await using traced = await makeTracedSite();
    const { receiver, site } = traced;
    const daemon = await site.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    });
    const line = await daemon.line((each) => each.event === "rotation.succeeded" && each["revision"] === 2);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);

    const roots = receiver.spans.filter(
      (span) => span.name === "rotate" && span.attributes["evertoken.revision"] !== 0,
    );
    const [first, second] = roots.filter((span) => span.attributes["evertoken.outcome"] === "rotated");
    expect(line).toMatchObject({ rotation_id: "acme/2", trace_id: second?.traceId, span_id: second?.spanId });
    expect(second?.links).toEqual([{ traceId: first?.traceId, spanId: first?.spanId }]);
    const names = receiver.spans.filter((span) => span.traceId === second?.traceId).map((span) => span.name);
    expect(names.toSorted()).toEqual(["claim", "exchange", "publish", "rotate"]);
    expect(second?.resource).toMatchObject({ "service.name": "evertoken", "deployment.environment.name": "test" });
    expect(second?.start).toBeLessThan(second?.end ?? 0n);
    const everything = Buffer.concat([...receiver.bodies, Buffer.from(daemon.stdout)]).toString("latin1");
    for (const canary of [CLIENT_SECRET, ACCESS_TOKEN, "canary-query"]) expect(everything).not.toContain(canary);
  });

  test("goes on rotating while the receiver fails, reports it once, and still ends in time", async () => {
    await using traced = await makeTracedSite();
    const { receiver, site } = traced;
    receiver.broken = true;
    const daemon = await site.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      OTEL_BSP_SCHEDULE_DELAY: "200",
    });
    await daemon.line((each) => each.event === "trace.lost");
    await daemon.line((each) => each.event === "rotation.succeeded" && each["revision"] === 3);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(daemon.lines.filter((each) => each.event === "trace.lost")).toHaveLength(1);
  });

  test("reports a protocol that it does not have, and runs without traces", async () => {
    await using traced = await makeTracedSite();
    const daemon = await traced.site.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: traced.receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    });
    const line = await daemon.line((each) => each.event === "trace.refused");
    expect(line["detail"]).toContain("http/protobuf");
    const rotated = await daemon.line((each) => each.event === "rotation.succeeded");
    expect(rotated).not.toHaveProperty("trace_id");
  });
});
