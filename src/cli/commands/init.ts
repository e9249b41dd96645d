import { mkdir, open, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { presets } from "../../config/resolve/presets.ts";
import { CommandError, type Invocation, exitCode } from "../command.ts";
import type { Io } from "../io.ts";
import type { OutputOption } from "../options.ts";

type TemplateName = "generic" | "cyclr";

interface InitOptions extends OutputOption {
  readonly template: TemplateName;
  readonly dir: string;
  readonly force?: boolean;
  readonly input: boolean;
  readonly id?: string;
  readonly tokenEndpoint?: string;
  readonly clientId?: string;
}

interface Answers {
  readonly id: string;
  readonly tokenEndpoint: string;
  readonly clientId: string;
}

const [host] = presets.cyclr.hosts;
const templates: Readonly<Record<TemplateName, { readonly answers: Answers; readonly provider: readonly string[] }>> = {
  generic: {
    answers: { id: "acme", tokenEndpoint: "https://login.example.com/oauth2/token", clientId: "your-client-id" },
    provider: ["auth: { method: client_secret_basic }   # or client_secret_post: in the body"],
  },
  cyclr: {
    answers: {
      id: "console",
      tokenEndpoint: `https://${host}${presets.cyclr.tokenPath}`,
      clientId: "your-client-id",
    },
    provider: ["preset: cyclr                           # credentials in the body, tokens of 14 days"],
  },
};

/** `evertoken init`: a first configuration for one machine, and a place for its client secret. Never writes over anything unasked. */
export async function initCommand({ options, io }: Invocation<InitOptions>): Promise<number> {
  const { dir, template } = options;
  const config = join(dir, "evertoken.yaml");
  if (options.force !== true && (await exists(config))) {
    throw new CommandError(`${config} is there already; --force writes over it`, exitCode.usage);
  }
  const answers = await answersOf(options, io);
  const secret = join(dir, "secrets", answers.id);
  await mkdir(join(dir, "secrets"), { recursive: true, mode: 0o700 });
  await writeFile(config, textOf(answers, template));
  const made = await placeholder(secret);
  if (options.output === "json") {
    io.out(
      `${JSON.stringify({ schemaVersion: 1, files: made ? [config, secret] : [config], secret }, undefined, 2)}\n`,
    );
    return exitCode.ok;
  }
  io.out(`${config}\n${made ? `${secret}\n` : ""}`);
  const option = relative("", config) === "" ? config : relative("", config);
  io.err(
    [
      "",
      made ? `1. write the client secret into ${secret}` : `1. ${secret} is left as it is: it holds the client secret`,
      `2. evertoken validate --config ${option}`,
      `3. evertoken doctor --config ${option}`,
      `4. evertoken run --config ${option}`,
      "",
    ].join("\n"),
  );
  return exitCode.ok;
}

/** What the options say; the rest is asked on a terminal, or left at the template's. */
async function answersOf(options: InitOptions, io: Io): Promise<Answers> {
  const { answers } = templates[options.template];
  const asked = options.input && io.terminal.input;
  async function answer(name: keyof Answers, question: string): Promise<string> {
    const given = options[name];
    if (given !== undefined || !asked) return checked(name, given ?? answers[name]);
    const line = (await io.ask(`${question} [${answers[name]}]: `)).trim();
    return checked(name, line === "" ? answers[name] : line);
  }
  return {
    tokenEndpoint: await answer("tokenEndpoint", "Token endpoint of the provider"),
    clientId: await answer("clientId", "Client id"),
    id: await answer("id", "Name of the credential"),
  };
}

function checked(name: keyof Answers, value: string): string {
  const wrong = {
    tokenEndpoint:
      /^https?:\/\/\S+$/.test(value) && URL.canParse(value) ? undefined : "an address like https://host/path is",
    clientId: value === "" || /[\r\n]/.test(value) ? "a text is" : undefined,
    id: /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(value) ? undefined : "1 to 128 letters, digits, . _ and - are",
  }[name];
  if (wrong === undefined) return value;
  throw new CommandError(`${name}: ${wrong} expected; nothing was written`, exitCode.usage);
}

function textOf({ id, tokenEndpoint, clientId }: Answers, template: TemplateName): string {
  const quoted = JSON.stringify; // JSON's texts are YAML's
  return `# Everything on this machine: a redis-server of its own in ./evertoken-data, tokens as files in ./tokens.
# Every key there is: config.example.yaml. Check after each change: evertoken validate --config evertoken.yaml
providers:
  ${template}:
    tokenEndpoint: ${quoted(tokenEndpoint)}
${templates[template].provider.map((line) => `    ${line}\n`).join("")}stores:
  local: { type: file, dir: ./tokens }
  # aws-main: { type: aws-secrets-manager, region: eu-west-1, create: true }
  # gcp-main: { type: gcp-secret-manager, project: your-project, create: true }
credentials:
  - id: ${quoted(id)}
    provider: ${template}
    clientId: ${quoted(clientId)}
    clientSecret: { file: ${quoted(`./secrets/${id}`)} }    # read again at every exchange
    publish:
      - { store: local, secret: ${quoted(id)} }
`;
}

/** An empty file of the user's own; one that is there is a secret already and stays, whatever --force says. */
async function placeholder(file: string): Promise<boolean> {
  try {
    await (await open(file, "wx", 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
