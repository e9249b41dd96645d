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

/** `evertoken init`: a first configuration for one machine, and an empty file for its client secret. */
export async function initCommand({ options, io }: Invocation<InitOptions>): Promise<number> {
  const { dir, template } = options;
  const config = join(dir, "evertoken.yaml");
  if (options.force !== true && (await exists(config))) {
    throw new CommandError(`${config} exists already; --force writes over it`, exitCode.usage);
  }
  const answers = await readAnswers(options, io);
  const secret = join(dir, "secrets", answers.id);
  await mkdir(join(dir, "secrets"), { recursive: true, mode: 0o700 });
  await writeFile(config, configText(answers, template));
  const made = await makePlaceholder(secret);
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
      made
        ? `1. write the client secret into ${secret}`
        : `1. ${secret} exists and stays as it is: it holds the client secret`,
      `2. evertoken validate --config ${option}`,
      `3. evertoken doctor --config ${option}`,
      `4. evertoken run --config ${option}`,
      "",
    ].join("\n"),
  );
  return exitCode.ok;
}

/** From the options; the rest is asked on a terminal, elsewhere taken from the template. */
async function readAnswers(options: InitOptions, io: Io): Promise<Answers> {
  const { answers } = templates[options.template];
  const interactive = options.input && io.terminal.input;
  async function readAnswer(name: keyof Answers, question: string): Promise<string> {
    const given = options[name];
    if (given !== undefined || !interactive) return checkAnswer(name, given ?? answers[name]);
    const line = (await io.ask(`${question} [${answers[name]}]: `)).trim();
    return checkAnswer(name, line === "" ? answers[name] : line);
  }
  return {
    tokenEndpoint: await readAnswer("tokenEndpoint", "Token endpoint of the provider"),
    clientId: await readAnswer("clientId", "Client id"),
    id: await readAnswer("id", "Name of the credential"),
  };
}

function checkAnswer(name: keyof Answers, value: string): string {
  const expected = {
    tokenEndpoint:
      /^https?:\/\/\S+$/.test(value) && URL.canParse(value) ? undefined : "an address like https://host/path",
    clientId: value === "" || /[\r\n]/.test(value) ? "one line of text" : undefined,
    id: /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(value) ? undefined : "1 to 128 letters, digits, . _ and -",
  }[name];
  if (expected === undefined) return value;
  throw new CommandError(`${name}: expected ${expected}; nothing was written`, exitCode.usage);
}

function configText({ id, tokenEndpoint, clientId }: Answers, template: TemplateName): string {
  const quote = JSON.stringify; // a JSON string is a YAML string
  return `# Everything on this machine: an embedded redis-server in ./evertoken-data, tokens as files in ./tokens.
# All keys: config.example.yaml. After each change: evertoken validate --config evertoken.yaml
providers:
  ${template}:
    tokenEndpoint: ${quote(tokenEndpoint)}
${templates[template].provider.map((line) => `    ${line}\n`).join("")}stores:
  local: { type: file, dir: ./tokens }
  # aws-main: { type: aws-secrets-manager, region: eu-west-1, create: true }
  # gcp-main: { type: gcp-secret-manager, project: your-project, create: true }
credentials:
  - id: ${quote(id)}
    provider: ${template}
    clientId: ${quote(clientId)}
    clientSecret: { file: ${quote(`./secrets/${id}`)} }    # read again at every exchange
    publish:
      - { store: local, secret: ${quote(id)} }
`;
}

/**
 * An empty file with mode 0600. An existing file is a secret already: it stays, even with --force. Returns false then.
 */
async function makePlaceholder(file: string): Promise<boolean> {
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
