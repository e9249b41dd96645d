import { PublishError, type PublishErrorClass } from "../../core/ports/store.ts";

/** Error names of AWS Secrets Manager and its SDK, by class. The SDK has no type for some of them, only the name. */
const CLASSES: readonly (readonly [PublishErrorClass, readonly string[]])[] = [
  ["throttled", ["ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"]],
  [
    "unavailable",
    [
      "InternalServiceError",
      "InternalServiceErrorException",
      "TimeoutError",
      "RequestTimeout",
      "AbortError",
      "ServiceUnavailable",
    ],
  ],
  ["quota", ["LimitExceededException"]],
  [
    "auth",
    [
      "ExpiredTokenException",
      "ExpiredToken",
      "UnrecognizedClientException",
      "InvalidSignatureException",
      "CredentialsProviderError",
      "TokenProviderError",
      "IncompleteSignature",
      "MissingAuthenticationTokenException",
      "InvalidClientTokenId",
    ],
  ],
  ["not_found", ["ResourceNotFoundException"]],
  ["conflict", ["ResourceExistsException"]],
  ["state", ["InvalidRequestException"]],
  [
    "permanent",
    [
      "AccessDeniedException",
      "InvalidParameterException",
      "ValidationException",
      "DecryptionFailure",
      "EncryptionFailure",
      "MalformedPolicyDocumentException",
      "PreconditionNotMetException",
    ],
  ],
];
const BY_NAME = new Map(CLASSES.flatMap(([className, names]) => names.map((name) => [name, className] as const)));
/** After these a lost answer leaves no doubt about what the store holds. */
const READS = new Set(["DescribeSecret", "ListSecrets"]);
const ERRNO = /^(E[A-Z_]{2,20}|UND_ERR_[A-Z_]{2,40})$/;

/**
 * Turns the SDK's error into ours. The SDK's message is never used, since it may quote the request; its `$response`
 * holds session tokens.
 */
export function awsError(error: unknown, operation: string, secret: string): PublishError {
  const { name, code, $metadata } = error as {
    name?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: unknown };
  };
  const status = Number($metadata?.httpStatusCode ?? 0);
  const byName = typeof name === "string" ? BY_NAME.get(name) : undefined;
  const errno = typeof code === "string" && ERRNO.test(code) ? code : undefined;
  const className =
    byName ?? (status === 429 ? "throttled" : status >= 500 || status === 0 ? "unavailable" : "permanent");
  // The SDK's undici handler calls a lost connection RequestTimeout; undici's own code says what happened.
  const lost = name === "RequestTimeout" && errno !== undefined;
  const shown = byName === undefined || lost ? (errno ?? (status > 0 ? `http_${status}` : "other")) : String(name);
  return new PublishError(
    `AWS Secrets Manager: ${operation} of "${secret}" failed with ${shown}; ${adviceFor(className, shown, operation)}`,
    {
      class: className,
      code: shown,
      ambiguous: className === "unavailable" && !READS.has(operation),
    },
  );
}

function adviceFor(className: PublishErrorClass, code: string, operation: string): string {
  switch (className) {
    case "throttled":
      return "the account's write quota (50 per second and region) is used up; retrying";
    case "unavailable":
      return "no usable answer; retrying";
    case "quota":
      return "one secret takes 100 versions in 24 hours, one every 14.4 minutes; use tokens that live longer";
    case "auth":
      return "evertoken's own credentials are missing, expired or wrong; check its role (IRSA, Pod Identity, profile)";
    case "not_found":
      return (
        "there is no such secret; " +
        "create it, or set create: true on the store and allow secretsmanager:CreateSecret"
      );
    case "conflict":
      return "another writer was faster; the retry looks first";
    case "state":
      return "the secret is scheduled for deletion or takes no values now; see aws secretsmanager restore-secret";
    case "permanent":
      return code === "AccessDeniedException"
        ? `allow secretsmanager:${operation} on the secret (with a customer key also kms:GenerateDataKey, kms:Decrypt)`
        : "AWS refuses the request; check the secret's name and its key";
  }
}
