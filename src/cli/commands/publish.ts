import type { Credential } from "../../core/credential.ts";
import { type CredentialRecord, emptyTarget, pendingTargets } from "../../core/rotation/record.ts";
import { targetKey } from "../../core/rotation/spec.ts";
import type { Invocation } from "../command.ts";
import type { BulkOptions, WaitOptions } from "../options.ts";
import { type Wording, requestAll } from "../operator-request.ts";

const wording: Wording = {
  wish: "publish",
  requested: "publishing requested",
  participle: "published",
  done(credential, record, before) {
    const revision = record?.revision ?? 0;
    const unsure = record === undefined ? [] : unanswered(credential, record);
    if (unsure.length > 0) {
      return {
        result: "unknown",
        said: `revision ${revision}; no answer from ${unsure.join(", ")} whether it is there`,
      };
    }
    const waited =
      before !== undefined && (before.revision < revision || pendingTargets(credential, before).length > 0);
    return waited
      ? { result: "published", said: `published, every target holds revision ${revision}` }
      : { result: "unchanged", said: `nothing to publish, every target holds revision ${revision}` };
  },
  pending(credential, record, targets) {
    const lost = pendingTargets(credential, record).some((target) => {
      const [, code] = record.targets[targetKey(target)]?.failure ?? [];
      return code === "TokenMissing";
    });
    return lost
      ? `${targets} does not hold revision ${record.revision}, and no copy of the token is kept: "evertoken rotate ${credential.id}" obtains a new one`
      : `revision ${record.revision} still waits for ${targets}; see "evertoken status ${credential.id}"`;
  },
};

function unanswered(credential: Credential, record: CredentialRecord): string[] {
  return credential.publish
    .filter((target) => (record.targets[targetKey(target)] ?? emptyTarget).failures > 0)
    .map(({ store, secret }) => `${store}:${secret}`);
}

/** `evertoken publish`: asks the stores what they hold, and brings them the token that waits. Never makes an exchange. */
export async function publishCommand({ args, options, io }: Invocation<BulkOptions & WaitOptions>): Promise<number> {
  return requestAll(args, options, wording, io);
}
