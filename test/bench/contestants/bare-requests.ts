import { request } from "undici";
import { facts, raceLoop } from "./loop.ts";

/** Two bare requests of undici: the least work with which a program in Node can rotate. */
const { token, aws } = facts.ports;
const headers = { "content-type": "application/x-www-form-urlencoded" };
const body = "grant_type=client_credentials&client_id=client&client_secret=s3cret";
const stored = JSON.stringify({ SecretId: "account", SecretString: "x".repeat(1000) });
const amz = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.PutSecretValue" };

raceLoop(async () => {
  const answer = await request(`http://127.0.0.1:${token}/token`, { method: "POST", headers, body });
  await answer.body.json();
  const put = await request(`http://127.0.0.1:${aws}/`, { method: "POST", headers: amz, body: stored });
  await put.body.json();
});
