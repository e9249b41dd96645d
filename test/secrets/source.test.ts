import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FileError } from "../../src/files/turns.ts";
import { SecretSourceError, readKey, readSecret } from "../../src/secrets/source.ts";
import { makePipes } from "../fakes/pipe.ts";

const CANARY = "c4n4ry-S3cr3t";
let dir = "";

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "evertoken-secrets-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(content: string | Buffer, name = "secret"): { file: string } {
  const path = join(dir, name);
  writeFileSync(path, content);
  return { file: path };
}

async function refusal(act: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await act;
  } catch (error) {
    if (!(error instanceof SecretSourceError)) throw error;
    return { code: error.code, message: error.message.replaceAll(dir, "DIR") };
  }
  throw new Error("it was read");
}

describe("a secret", () => {
  test("is what the file holds", async () => {
    expect((await readSecret(file(CANARY), {})).reveal()).toBe(CANARY);
  });

  test("is what the variable holds", async () => {
    expect((await readSecret({ env: "NAME" }, { NAME: CANARY })).reveal()).toBe(CANARY);
  });

  test.for([
    ["a line end", `${CANARY}\n`],
    ["a Windows line end", `${CANARY}\r\n`],
    ["several", `${CANARY}\n\r\n\n`],
  ] as const)("loses %s at its end, in a file and in a variable", async ([, content]) => {
    expect((await readSecret(file(content), {})).reveal()).toBe(CANARY);
    expect((await readSecret({ env: "NAME" }, { NAME: content })).reveal()).toBe(CANARY);
  });

  test.for([" x", "x ", "\nx", "a\nb", "x\r", "pä$$"])("keeps everything else: %j", async (content) => {
    expect((await readSecret(file(content), {})).reveal()).toBe(content);
  });

  test("is read again each time", async () => {
    const ref = file("old");
    await readSecret(ref, {});
    expect((await readSecret(file("new"), {})).reveal()).toBe("new");
    expect((await readSecret(ref, {})).reveal()).toBe("new");
  });

  test("may have 64 KiB and not a byte more", async () => {
    expect((await readSecret(file("x".repeat(65_536)), {})).reveal()).toHaveLength(65_536);
    expect(await refusal(readSecret(file("x".repeat(65_537)), {}))).toEqual({
      code: "too_large",
      message: "secret file DIR/secret has more than 64 KiB; is it the right file?",
    });
  });

  test("of a device or a pipe is refused instead of being waited for", async () => {
    const pipe = join(dir, "pipe");
    await makePipes(pipe);
    for (const path of ["/dev/zero", pipe]) {
      const { code, message } = await refusal(readSecret({ file: path }, {}));
      expect([code, message]).toEqual(["unreadable", expect.stringContaining("is no regular file; name one")]);
    }
  });

  test("of a file that hangs is given up at the deadline", async () => {
    const read = (path: string) => Promise.reject(new FileError(path, "HANGS"));
    expect(await refusal(readSecret({ file: join(dir, "hung") }, {}, { read }))).toEqual({
      code: "unreadable",
      message: "secret file DIR/hung does not answer; is its file system or its server down?",
    });
    const late = readSecret(file("well"), {}, { signal: AbortSignal.abort() });
    expect((await refusal(late)).message).toContain("does not answer");
  });

  test("prints as redacted", async () => {
    const secret = await readSecret(file(CANARY), {});
    expect([String(secret), JSON.stringify({ secret })]).toEqual(["[redacted]", '{"secret":"[redacted]"}']);
  });
});

describe("says what to do when", () => {
  test("the file is missing", async () => {
    expect(await refusal(readSecret({ file: join(dir, "none") }, {}))).toEqual({
      code: "missing",
      message: "secret file DIR/none does not exist; create it or correct the path",
    });
  });

  test("the file is a directory", async () => {
    expect(await refusal(readSecret({ file: dir }, {}))).toEqual({
      code: "unreadable",
      message: "secret file DIR is a directory; name the file in it",
    });
  });

  test("the file cannot be reached", async () => {
    const { file: path } = file(CANARY, "plain");
    chmodSync(path, 0o400);
    expect(await refusal(readSecret({ file: join(path, "below") }, {}))).toEqual({
      code: "unreadable",
      message: "secret file DIR/plain/below cannot be read (ENOTDIR); check its owner and mode",
    });
  });

  test.for(["", "\n", "\r\n\n"])("the file holds nothing but %j", async (content) => {
    expect(await refusal(readSecret(file(content), {}))).toEqual({
      code: "empty",
      message: "secret file DIR/secret is empty; write the secret into it",
    });
  });

  test("the file is not text, whose bytes would be changed by reading it as such", async () => {
    const content = Buffer.concat([Buffer.from(CANARY), Buffer.of(0xff, 0xfe)]);
    expect(await refusal(readSecret(file(content), {}))).toEqual({
      code: "not_text",
      message: "secret file DIR/secret is not UTF-8 text; is it the right file?",
    });
  });

  test("the variable is not set", async () => {
    expect(await refusal(readSecret({ env: "ACME" }, { OTHER: CANARY }))).toEqual({
      code: "unset",
      message: "environment variable ACME is not set; set it for the daemon, or use { file: ... }",
    });
  });

  test("the variable is empty", async () => {
    expect(await refusal(readSecret({ env: "ACME" }, { ACME: "" }))).toEqual({
      code: "empty",
      message: "environment variable ACME is empty; write the secret into it",
    });
  });
});

describe("a seal key", () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 8 + 3));

  test.for([
    ["base64", key.toString("base64")],
    ["base64 with a line end", `${key.toString("base64")}\n`],
    ["base64 without padding", key.toString("base64").replace(/=+$/, "")],
    ["URL-safe base64", key.toString("base64url")],
    ["hex", key.toString("hex")],
    ["hex in capitals", key.toString("hex").toUpperCase()],
  ] as const)("is 32 bytes in %s", async ([, written]) => {
    expect(await readKey(file(written), {})).toEqual(key);
    expect(await readKey({ env: "KEY" }, { KEY: written })).toEqual(key);
  });

  test.for([
    ["31 bytes", key.subarray(1).toString("base64")],
    ["33 bytes", Buffer.concat([key, Buffer.of(1)]).toString("base64")],
    ["31 bytes in hex", key.subarray(1).toString("hex")],
    ["a pass phrase", `${CANARY} and some more words to make it long`],
    ["base64 with a blank in it", key.toString("base64").replace(/^.{20}/, "$& ")],
    ["the bytes themselves", key],
  ] as const)("is not %s, and the message does not show it", async ([, written]) => {
    const { code, message } = await refusal(readKey(file(written), {}));
    expect(code).toBe("not_a_key");
    expect(message).toBe(
      "the key in DIR/secret is not 32 bytes in base64 or hex; make one with: openssl rand -base64 32",
    );
  });

  test("that is missing is reported as missing", async () => {
    expect((await refusal(readKey({ env: "KEY" }, {}))).code).toBe("unset");
    expect((await refusal(readKey({ file: join(dir, "none") }, {}))).code).toBe("missing");
  });
});
