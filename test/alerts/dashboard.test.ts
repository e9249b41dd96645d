import { describe, expect, test } from "vitest";
import { readDashboard } from "./dashboard.ts";
import { RUNBOOKS_URL, readRunbooks } from "./runbooks.ts";

const dashboard = await readDashboard();
const { panels } = dashboard;

describe("the dashboard", () => {
  test("keeps its address, and every query has the variables of the installation", () => {
    expect(dashboard.uid).toBe("evertoken");
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual([
      ...["datasource", "namespace", "job", "provider"],
      "loki",
    ]);
    const queries = panels.flatMap(({ targets = [] }) => targets);
    expect(queries.length).toBeGreaterThan(40);
    for (const { expr, datasource } of queries) {
      expect(expr).toContain('namespace=~"$namespace"');
      expect(datasource.uid).toMatch(/^\$\{(datasource|loki)\}$/);
    }
  });

  test("has eight rows, the most important first", () => {
    expect(panels.filter(({ type }) => type === "row").map(({ title }) => title)).toEqual([
      ...["Are tokens fresh?", "Fleet", "Rotation", "Providers", "Stores", "Queue", "Runtime", "Logs"],
    ]);
  });

  test("has panels that do not overlap and fit the width", () => {
    const taken = new Set<string>();
    for (const { gridPos } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`)).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test("links only runbooks that exist", async () => {
    const names = (await readRunbooks()).map(({ alert }) => `${RUNBOOKS_URL}${alert}.md`);
    const links = panels.flatMap(({ links: own = [] }) => own.map(({ url }) => url));
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter((url) => !names.includes(url))).toEqual([]);
    expect(dashboard.links.map(({ url }) => url)).toEqual([RUNBOOKS_URL]);
  });
});
