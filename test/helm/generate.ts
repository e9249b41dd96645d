import { writeFileSync } from "node:fs";
import { CHART, valuesSchema } from "./values-schema.ts";
import { chartReadme } from "./helm.ts";

/** `npm run generate:chart`: the generated files of the chart. Tests fail when they are out of date. */

writeFileSync(`${CHART}values.schema.json`, `${JSON.stringify(valuesSchema(), undefined, 2)}\n`);
writeFileSync(`${CHART}README.md`, await chartReadme());
