import { describe, expect, test } from "vitest";
import { keysOf } from "../../../src/queue/keys.ts";
import { scripts } from "../../../src/queue/scripts/index.ts";
import { argumentsOf, script } from "../../../src/queue/scripts/script.ts";
import { useDueIndex } from "../fixture.ts";

const index = useDueIndex();
const keys = keysOf("test", "p");

describe("a script", () => {
  const echo = script(
    "echo",
    { keys: ["state", "due", "...sealed"], args: ["id", "count", "...others"] },
    "return {id, count, state, due, #sealed, #others, sealed[2] or '', others[2] or ''}",
  );
  const run = (call: Parameters<typeof argumentsOf<"state" | "due" | "...sealed", "id" | "count" | "...others">>[1]) =>
    index.redis.call("EVAL", echo.lua, ...argumentsOf(echo, call));

  test("finds each key and argument under its name, numbers as strings", async () => {
    const sealed = [keys.sealed("a"), keys.sealed("b")];
    expect(await run({ keys: { ...keys, sealed }, args: { others: ["x", "y", "z"], count: 3, id: "a" } })).toEqual([
      "a",
      "3",
      keys.state,
      keys.due,
      2,
      3,
      keys.sealed("b"),
      "y",
    ]);
  });

  test("finds an empty table where a call gives nothing for the last name", async () => {
    expect(await run({ keys: { ...keys, sealed: [] }, args: { id: "a", count: 0, others: [] } })).toEqual([
      "a",
      "0",
      keys.state,
      keys.due,
      ...[0, 0, "", ""],
    ]);
  });

  test("takes a page of 500 ids with four values each", async () => {
    const others = Array.from({ length: 2000 }, String);
    const reply = (await run({ keys: { ...keys, sealed: [] }, args: { id: "a", count: 0, others } })) as unknown[];
    expect(reply[5]).toBe(2000);
  });

  test("does not compile without one of its keys or arguments, or with a misspelt one", () => {
    const args = { id: "a", count: 1, others: [] };
    const { state, due } = keys;
    // @ts-expect-error `sealed` is missing
    void (() => argumentsOf(echo, { keys: { state, due }, args }));
    // @ts-expect-error `du` is no key
    void (() => argumentsOf(echo, { keys: { state, due, sealed: [], du: "" }, args }));
    // @ts-expect-error a list is no key
    void (() => argumentsOf(echo, { keys: { state, due: [due], sealed: [] }, args }));
    // @ts-expect-error `count` is missing
    void (() => argumentsOf(echo, { keys: { state, due, sealed: [] }, args: { id: "a", others: [] } }));
    // @ts-expect-error `others` is a list
    void (() => argumentsOf(echo, { keys: { state, due, sealed: [] }, args: { id: "a", count: 1, others: "x" } }));
    void (() => argumentsOf(echo, { keys: { ...keys, sealed: [] }, args }));
  });
});

describe("the scripts", () => {
  test("have names of their own", () => {
    const names = scripts.map(({ name }) => name);
    expect([...new Set(names)]).toEqual(names);
  });

  test.each(scripts)("$name is Lua, and uses everything that it declares by its name alone", async (each) => {
    await index.redis.call("SCRIPT", "LOAD", each.lua);
    const [, , ...lines] = each.lua.split("\n");
    const body = lines.join("\n");
    expect(body).not.toMatch(/KEYS|ARGV/);
    const declared = [each.keys, each.args].flatMap(({ names, tail }) => [
      ...names,
      ...(tail === undefined ? [] : [tail]),
    ]);
    expect(declared.filter((name) => !new RegExp(`\\b${name}\\b`).test(body))).toEqual([]);
    expect([...new Set(declared)]).toEqual(declared);
  });
});
