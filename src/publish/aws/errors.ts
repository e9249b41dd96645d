import { PublishError, type PublishErrorClass } from "../../core/ports/store.ts";

/** Error names of AWS Secrets Manager and of its SDK, by class. Several are no modelled classes: the name is what counts. */
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
const ERRNO = /^(E[A-Z_]{2,20}|UND_ERR_[A-Z_]{2,40})$/;

/** The SDK's error as ours. Its message is never used: it may quote the request, and its `$response` holds session tokens. */
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
  // The SDK's undici handler calls a lost connection RequestTimeout; what undici said is true.
  const lost = name === "RequestTimeout" && errno !== undefined;
  const shown = byName === undefined || lost ? (errno ?? (status > 0 ? `http_${status}` : "other")) : String(name);
  return new PublishError(
    `AWS Secrets Manager: ${operation} of "${secret}" failed with ${shown}; ${advice(className, shown, operation)}`,
    {
      class: className,
      code: shown,
      ambiguous: className === "unavailable" && operation !== "DescribeSecret",
    },
  );
}

function advice(className: PublishErrorClass, code: string, operation: string): string {
  switch (className) {
    case "throttled":
      return "the account's write quota (50 per second and region) is used up, it is tried again";
    case "unavailable":
      return "no usable answer, it is tried again";
    case "quota":
      return "100 versions in 24 hours are the limit of one secret, one every 14.4 minutes: use tokens that live longer";
    case "auth":
      return "the credentials of evertoken itself are missing, expired or wrong; check its role (IRSA, Pod Identity, profile)";
    case "not_found":
      return "there is no such secret; create it, or set create: true on the store and allow secretsmanager:CreateSecret";
    case "conflict":
      return "another writer was faster, it is looked at again";
    case "state":
      return "it is scheduled for deletion or in a state that takes no values; see aws secretsmanager restore-secret";
    case "permanent":
      return code === "AccessDeniedException"
        ? `allow secretsmanager:${operation} on it (with a customer key also kms:GenerateDataKey and kms:Decrypt)`
        : "the request is refused as it is; check the secret's name and its key";
  }
}
