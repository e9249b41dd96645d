import { writeFileSync } from "node:fs";
import { CHART, valuesSchema } from "./values-schema.ts";
import { chartReadme } from "./helm.ts";

/** `npm run generate:chart`: what of the chart is made from something else. The tests find what was forgotten. */

writeFileSync(`${CHART}values.schema.json`, `${JSON.stringify(valuesSchema(), undefined, 2)}\n`);
writeFileSync(`${CHART}README.md`, await chartReadme());
