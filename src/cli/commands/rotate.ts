import type { CredentialState } from "../../core/states.ts";
import type { Invocation } from "../command.ts";
import { type Wording, requestAll } from "../operator-request.ts";
import type { BulkOptions, WaitOptions } from "../options.ts";

interface RotateOptions extends BulkOptions, WaitOptions {
  readonly failed?: boolean;
}

const FAILED = ["needs_attention", "retrying"] as const satisfies readonly CredentialState[];

const wording: Wording = {
  kind: "rotate",
  requested: "rotation requested",
  participle: "rotated",
  published: (_, record, before) =>
    record !== undefined && record.revision === before?.revision
      ? { result: "unchanged", text: `the provider answered with the same token again, revision ${record.revision}` }
      : { result: "rotated", text: `rotated, revision ${record?.revision ?? "unknown"}` },
  unpublished: (_, record, targets) => `revision ${record.revision} waits for ${targets}`,
};

/** `evertoken rotate`: a new token now, whatever the ladder says, within quotas and pauses. */
export async function rotateCommand({ args, options, io }: Invocation<RotateOptions>): Promise<number> {
  const { failed, ...rest } = options;
  return requestAll({ args, options: failed === true ? { state: FAILED.join(","), ...rest } : rest, io }, wording);
}
