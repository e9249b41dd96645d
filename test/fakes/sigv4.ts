import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Whether a signature is valid, or the error of AWS (docs.aws.amazon.com, "Signature Version 4"). */
export type Verdict =
  | "ok"
  | "MissingAuthenticationTokenException"
  | "UnrecognizedClientException"
  | "InvalidSignatureException"
  | "ExpiredTokenException";

export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const AUTHORIZATION = new RegExp(
  "^AWS4-HMAC-SHA256 Credential=([^/]+)/(\\d{8})/([^/]+)/([^/]+)/aws4_request, " +
    "SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$",
);

/** Verifies a header-signed POST to `/` as AWS does, without its SDK. */
export function verify(
  { headers, body }: { readonly headers: IncomingHttpHeaders; readonly body: string },
  { region, keys, now }: { readonly region: string; readonly keys: SigningKeys; readonly now: number },
): Verdict {
  const match = AUTHORIZATION.exec(headers.authorization ?? "");
  if (match === null) return "MissingAuthenticationTokenException";
  const [, accessKey, day = "", scopeRegion, service, signedHeaders = "", signature] = match;
  if (accessKey !== keys.accessKeyId) return "UnrecognizedClientException";
  if (scopeRegion !== region || service !== "secretsmanager") return "InvalidSignatureException";
  if (keys.sessionToken !== undefined && headers["x-amz-security-token"] !== keys.sessionToken)
    return "UnrecognizedClientException";
  const stamp = String(headers["x-amz-date"] ?? "");
  const at = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(now - at) < 5 * 60_000) || !stamp.startsWith(day)) return "InvalidSignatureException";
  const names = signedHeaders.split(";");
  if (!names.includes("host") || !names.includes("x-amz-date")) return "InvalidSignatureException";
  const canonical = [
    "POST",
    "/",
    "",
    ...names.map(
      (name) =>
        `${name}:${String(headers[name] ?? "")
          .trim()
          .replace(/\s+/g, " ")}`,
    ),
    "",
    signedHeaders,
    sha256(body),
  ].join("\n");
  const scope = `${day}/${region}/secretsmanager/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, sha256(canonical)].join("\n");
  const key = ["secretsmanager", "aws4_request"].reduce(
    (k, part) => hmac(k, part),
    hmac(hmac(`AWS4${keys.secretAccessKey}`, day), region),
  );
  return hmac(key, toSign).toString("hex") === signature ? "ok" : "InvalidSignatureException";
}
