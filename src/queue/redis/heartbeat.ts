import { waitUnlessAborted } from "../../core/wait.ts";
import { type Connections, isListening, leave, leaveNode, nodesOf } from "./client.ts";

/** How often Redis is asked whether it answers and takes writes. */
const BEAT_MS = 2000;
/** A connection on which no answer comes within this is left. */
const ANSWER_MS = 5000;
/** The server that is found after one was left may be the same: this keeps the search from being a storm. */
const REST_MS = 500;

/** What the heartbeat has found. `code`: of the error, or what is wrong with the connection. */
export type Pulse =
  | { readonly kind: "up" }
  /** It answers, and refuses writes. */
  | { readonly kind: "refusing"; readonly code: string }
  | { readonly kind: "down"; readonly code: string };

/** These say that another server may be the right one: the name of Redis is resolved anew, or its sentinels asked. */
const WRONG_SERVER: ReadonlySet<string> = new Set(["READONLY", "MASTERDOWN", "LOADING"]);
/** These end at the same server, by themselves or by a person. */
const REFUSALS: ReadonlySet<string> = new Set(["NOREPLICAS", "MISCONF", "OOM", "CLUSTERDOWN", "BUSY"]);

/** Whether Redis could not carry out a command for now, whatever the command was. */
export function isRefusal(code: string): boolean {
  return WRONG_SERVER.has(code) || REFUSALS.has(code);
}

/**
 * Watches the connections to Redis: TCP alone may take a quarter of an hour to notice that a server is frozen or cut
 * off. Each round asks each server, with a deadline. One that is silent, or has become a replica, is left by all
 * connections at once, those of BullMQ too; they then look for the right server anew.
 *
 * Deadlines are timers: no clock that may be set decides. A process that was held up reads what has come before it
 * judges.
 */
export function startHeartbeat(
  { client, copies }: Connections,
  options: {
    readonly signal: AbortSignal;
    /** Asks whether Redis takes writes. Rejects with what it replies. */
    ask(): Promise<unknown>;
    codeOf(error: unknown): string;
    onPulse(pulse: Pulse): void;
    /** A node of a Cluster was silent: the connections to it are replaced. */
    onNodeLeft(node: string): void;
  },
): { beatNow(): void } {
  const { signal, ask, codeOf, onPulse, onNodeLeft } = options;
  const sleep = makeSleep(signal);
  let handshake: NodeJS.Timeout | undefined;
  /** Writes were refused in the last round. */
  let refused = false;

  /** The handshake with a frozen server never ends: the kernel accepts the connection for it. */
  client.on("connect", () => {
    handshake = setTimeout(() => leaveAll("TIMEOUT"), ANSWER_MS).unref();
  });
  client.on("ready", () => {
    clearTimeout(handshake);
    sleep.end();
  });
  client.on("close", () => {
    clearTimeout(handshake);
    onPulse({ kind: "down", code: "CLOSED" });
  });

  function leaveAll(code: string): void {
    if (signal.aborted) return;
    onPulse({ kind: "down", code });
    for (const each of [client, ...copies]) leave(each);
  }

  async function askServer(): Promise<void> {
    const answer = await answerOf(ask());
    if (client.status !== "ready" || signal.aborted) return; // the connection broke: its end has been told
    const code = answer.kind === "error" ? codeOf(answer.error) : "";
    const wrongServer = WRONG_SERVER.has(code);
    if (answer.kind === "silent" || wrongServer) {
      leaveAll(wrongServer ? code : "TIMEOUT");
      await waitUnlessAborted(REST_MS, signal);
    } else if (REFUSALS.has(code)) {
      refused = true;
      onPulse({ kind: "refusing", code });
    } else if (refused) {
      refused = false; // up in the next round: jobs with a token in hand write it down before anything is claimed
    } else onPulse({ kind: "up" });
  }

  async function askNodes(): Promise<void> {
    const nodes = nodesOf(client);
    const answers = await Promise.all(nodes.map(({ ping }) => answerOf(ping())));
    if (client.status !== "ready" || signal.aborted) return;
    for (const [i, { name }] of nodes.entries()) {
      if (answers[i]?.kind !== "silent") continue;
      onNodeLeft(name);
      for (const each of [client, ...copies]) leaveNode(each, name);
    }
    // A node that is down concerns what it holds alone.
    const anyAnswers = answers.some((answer) => answer.kind === "answered" || isReply(answer));
    onPulse(anyAnswers ? { kind: "up" } : { kind: "down", code: "TIMEOUT" });
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      if (client.status === "ready") await (client.isCluster ? askNodes() : askServer());
      void askListeners(copies);
      await sleep.begin(BEAT_MS);
    }
    clearTimeout(handshake);
  }
  void run();
  return { beatNow: sleep.end };
}

/** A connection for messages is silent while there are none. */
async function askListeners(copies: Connections["copies"]): Promise<void> {
  const listening = [...copies].filter(isListening);
  const answers = await Promise.all(listening.map((copy) => answerOf(copy.ping())));
  for (const [i, copy] of listening.entries()) if (answers[i]?.kind === "silent") leave(copy);
}

/** A sleep that can be ended early, and ends when the signal aborts. */
function makeSleep(signal: AbortSignal) {
  let end: () => void = () => undefined;
  return {
    begin: (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(() => end(), ms).unref();
        end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        signal.addEventListener("abort", end);
      }),
    end: () => end(),
  };
}

type Answer =
  | { readonly kind: "answered" }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "silent" };

/** Redis itself has replied the error. */
function isReply(answer: Answer): boolean {
  return answer.kind === "error" && (answer.error as Error).name === "ReplyError";
}

/** Never rejects. */
function answerOf(work: Promise<unknown>): Promise<Answer> {
  return new Promise((resolve) => {
    // What has come in the meantime is read after timers and before `setImmediate`.
    const timer = setTimeout(() => setImmediate(() => resolve({ kind: "silent" })), ANSWER_MS).unref();
    work
      .then(
        () => resolve({ kind: "answered" }),
        (error: unknown) => resolve({ kind: "error", error }),
      )
      .finally(() => clearTimeout(timer));
  });
}
