import type { Credential } from "../../core/credential.ts";
import { type CredentialRecord, emptyTarget, pendingTargets } from "../../core/rotation/record.ts";
import { targetKey } from "../../core/rotation/spec.ts";
import type { Invocation } from "../command.ts";
import { type Wording, requestAll } from "../operator-request.ts";
import type { BulkOptions, WaitOptions } from "../options.ts";

const wording: Wording = {
  kind: "publish",
  requested: "publishing requested",
  participle: "published",
  published(credential, record, before) {
    const revision = record?.revision ?? 0;
    const silent = record === undefined ? [] : targetsWithoutAnswer(credential, record);
    if (silent.length > 0) {
      const text = `revision ${revision}; ${silent.join(", ")} did not say whether it holds this revision`;
      return { result: "unknown", text };
    }
    const waited =
      before !== undefined && (before.revision < revision || pendingTargets(credential, before).length > 0);
    return waited
      ? { result: "published", text: `published, every target holds revision ${revision}` }
      : { result: "unchanged", text: `nothing to publish, every target holds revision ${revision}` };
  },
  unpublished(credential, record, targets) {
    const { revision } = record;
    const lost = pendingTargets(credential, record).some((target) => {
      const [, code] = record.targets[targetKey(target)]?.failure ?? [];
      return code === "TokenMissing";
    });
    if (!lost) return `revision ${revision} still waits for ${targets}; see "evertoken status ${credential.id}"`;
    return (
      `${targets} does not hold revision ${revision}, and no copy of the token is kept: ` +
      `"evertoken rotate ${credential.id}" obtains a new one`
    );
  },
};

function targetsWithoutAnswer(credential: Credential, record: CredentialRecord): string[] {
  return credential.publish
    .filter((target) => (record.targets[targetKey(target)] ?? emptyTarget).failures > 0)
    .map(({ store, secret }) => `${store}:${secret}`);
}

/** `evertoken publish`: asks the stores what they hold, and publishes a token that waits. Never makes an exchange. */
export async function publishCommand(invocation: Invocation<BulkOptions & WaitOptions>): Promise<number> {
  return requestAll(invocation, wording);
}
