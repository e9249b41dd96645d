import { parseDuration } from "../../core/duration.ts";
import { listenOf } from "../../config/listen.ts";
import { defaultListen, parseListen } from "../../config/shape/listen-address.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import type { Io } from "../io.ts";
import type { ConfigOption } from "../options.ts";

// Not imported: an import would load Node's bundled undici, see exchange/one-undici.ts.
const { get } = process.getBuiltinModule("node:http");

interface HealthcheckOptions extends ConfigOption {
  readonly live?: boolean;
  readonly listen?: string;
  readonly timeout: string;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * `evertoken healthcheck`: one request to the listener of the daemon, one line, exit code 0 or 3. It runs every few
 * seconds, so it loads no library.
 */
export async function healthcheckCommand({ options, io }: Invocation<HealthcheckOptions>): Promise<number> {
  const timeoutMs = parseDuration(options.timeout);
  if (timeoutMs === undefined) throw new CommandError("--timeout wants a duration like 3s", exitCode.usage);
  const { host, port } = await findAddress(options, io);
  const path = options.live === true ? "/livez" : "/readyz";
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
  const { status, text } = await askDaemon(url, timeoutMs);
  if (status === 200) {
    io.out(`${url}: ok\n`);
    return exitCode.ok;
  }
  io.err(`evertoken: ${url}: ${text}\n`);
  return exitCode.unhealthy;
}

/** Where the daemon can be reached: one that listens on all addresses also listens on the loopback address. */
async function findAddress(options: HealthcheckOptions, io: Io): Promise<Address> {
  const named = options.listen ?? io.env["EVERTOKEN_HTTP"];
  const found =
    named === undefined ? await readAddress(options.config ?? io.env["EVERTOKEN_CONFIG"], io) : parseListen(named);
  if (found === undefined) {
    throw new CommandError(`"${named}" is not an address: give host:port, such as 127.0.0.1:9464`, exitCode.usage);
  }
  if (found.port === 0) {
    throw new CommandError(
      "http.listen picks a free port, which only the daemon knows: give --listen HOST:PORT, or set EVERTOKEN_HTTP",
      exitCode.usage,
    );
  }
  if (found.host === "" || found.host === "0.0.0.0") return { ...found, host: "127.0.0.1" };
  return found.host === "::" ? { ...found, host: "::1" } : found;
}

async function readAddress(file: string | undefined, io: Io): Promise<Address | undefined> {
  if (file === undefined || file === "") return parseListen(defaultListen);
  const quick = await listenOf(file, io.env);
  if (quick !== undefined) return quick;
  const { readConfig } = await import("../configuration.ts");
  return (await readConfig(file, io)).config.http;
}

function askDaemon(url: string, timeoutMs: number): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(Math.max(1, timeoutMs)) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text = `${text}${chunk}`.slice(0, 2000)));
      response.on("error", () => resolve({ status: 0, text: "the answer broke off" }));
      response.on("end", () => {
        const failed = [...text.matchAll(/^\[-\](.+)$/gm)].map(([, line]) => line).join("; ");
        resolve({
          status: response.statusCode ?? 0,
          text: failed || `answers ${response.statusCode}: is this evertoken?`,
        });
      });
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      const late = error.name === "AbortError" || error.name === "TimeoutError";
      resolve({
        status: 0,
        text: late ? `no answer within ${timeoutMs} ms` : `no daemon listens there (${error.code ?? "error"})`,
      });
    });
  });
}
