import { PublishError, type PublishErrorClass } from "../../core/ports/store.ts";

/** gRPC status codes (grpc/grpc doc/statuscodes.md), by number. */
const NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];
const CLASSES: Readonly<Record<string, PublishErrorClass>> = {
  CANCELLED: "unavailable",
  UNKNOWN: "unavailable",
  INVALID_ARGUMENT: "permanent",
  DEADLINE_EXCEEDED: "unavailable",
  NOT_FOUND: "not_found",
  ALREADY_EXISTS: "conflict",
  PERMISSION_DENIED: "permanent",
  RESOURCE_EXHAUSTED: "throttled",
  FAILED_PRECONDITION: "state",
  ABORTED: "unavailable",
  UNIMPLEMENTED: "permanent",
  INTERNAL: "unavailable",
  UNAVAILABLE: "unavailable",
  DATA_LOSS: "unavailable",
  UNAUTHENTICATED: "auth",
};
const READS = new Set(["AccessSecretVersion", "GetSecretVersion", "GetSecret", "ListSecretVersions"]);

/** Turns gax's error into ours, by its code alone: details and metadata may quote the request. */
export function gcpError(error: unknown, operation: string, secret: string): PublishError {
  if (error instanceof PublishError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  // grpc-js (load-balancing-call) reports as UNKNOWN that it got no token of the identity. Nothing was sent then.
  const noIdentity = typeof message === "string" && message.includes("Getting metadata from plugin failed");
  const name = noIdentity ? "UNAUTHENTICATED" : ((typeof code === "number" ? NAMES[code] : undefined) ?? "UNKNOWN");
  const className = CLASSES[name] ?? "permanent";
  return new PublishError(
    `GCP Secret Manager: ${operation} of "${secret}" failed with ${name}; ${adviceFor(className, name, operation)}`,
    {
      class: className,
      code: name,
      ambiguous: className === "unavailable" && !READS.has(operation),
    },
  );
}

function adviceFor(className: PublishErrorClass, name: string, operation: string): string {
  switch (className) {
    case "throttled":
      return "the project's write quota (600 per minute) is used up; retrying";
    case "unavailable":
      return "no usable answer; retrying";
    case "auth":
      return (
        "evertoken's own identity is missing, unreadable or expired; " +
        "check Workload Identity or GOOGLE_APPLICATION_CREDENTIALS"
      );
    case "not_found":
      return (
        "there is no such secret; " +
        "create it, or set create: true on the store and allow secretmanager.secrets.create"
      );
    case "conflict":
      return "another writer was faster; the retry looks first";
    case "quota":
    case "state":
      return "the secret or its newest version is disabled, destroyed, or its key is unusable";
    case "permanent":
      return name === "PERMISSION_DENIED"
        ? "grant roles/secretmanager.secretVersionManager and roles/secretmanager.secretAccessor on the secret " +
            `(refused: ${operation})`
        : "GCP refuses the request; check project, location and the secret's name";
  }
}
