import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import * as oauth from "oauth4webapi";
import { facts, raceLoop } from "./loop.ts";

/** A loop of oauth4webapi and the AWS SDK as their documentation shows them. */
const { ports } = facts;
const origin = `http://127.0.0.1:${ports.token}`;
const server: oauth.AuthorizationServer = { issuer: origin, token_endpoint: `${origin}/token` };
const secrets = new SecretsManagerClient({ region: "eu-west-1", endpoint: `http://127.0.0.1:${ports.aws}` });

raceLoop(async (i) => {
  const client: oauth.Client = { client_id: `client-${i}` };
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    oauth.ClientSecretBasic("s3cret"),
    new URLSearchParams(),
    { [oauth.allowInsecureRequests]: true },
  );
  const token = await oauth.processClientCredentialsResponse(server, client, response);
  await secrets.send(new PutSecretValueCommand({ SecretId: `account-${i}`, SecretString: JSON.stringify(token) }));
});
