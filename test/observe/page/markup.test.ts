import { describe, expect, test } from "vitest";
import { asIs, markup, textOf } from "../../../src/observe/page/markup.ts";

const text = (...args: Parameters<typeof markup>): string => textOf(markup(...args));

describe("markup", () => {
  test("escapes every value, in text and in quoted attributes", () => {
    const evil = `"><script>alert('1')</script>&amp;`;
    const escaped = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;";
    expect(text`<p title="${evil}">${evil}</p>`).toBe(`<p title="${escaped}">${escaped}</p>`);
  });

  test("inserts markup and lists of markup without escaping again", () => {
    const items = ["<a>", "b"].map((item) => markup`<li>${item}</li>`);
    expect(text`<ul>${items}</ul>`).toBe("<ul><li>&lt;a&gt;</li><li>b</li></ul>");
  });

  test("writes numbers, and nothing for absent values", () => {
    expect(text`${0}|${false}|${undefined}|${[]}`).toBe("0|||");
  });

  test("does not accept parsed JSON that looks like markup", () => {
    const forged = JSON.parse('{"markup":"<b>","Symbol(markup)":"<b>"}') as string;
    expect(() => text`${forged}`).toThrow(TypeError);
  });

  test("leaves out indentation, and the end tags of cells and rows", () => {
    const row = markup`<tr>
      <td>a</td>
      <td>b c</td>
    </tr>`;
    expect(text`<table>
      ${row}
    </table>`).toBe("<table>\n<tr><td>a<td>b c\n</table>");
  });

  test("inserts our own text without escaping", () => {
    expect(text`<style>${asIs("a>b{}")}</style>`).toBe("<style>a>b{}</style>");
  });
});
