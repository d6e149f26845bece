// Checks a workbook by Microsoft's Open XML SDK, which knows the schemas of ECMA-376 and what they cannot say.
//
//     validate.mjs FILE.xlsx      a line for each error, with the part's name and the element's path

import { readFile } from "node:fs/promises";
import validate from "@ooxml-tools/validate";

const SHOWN = 5;

const file = new Uint8Array(await readFile(process.argv[2]));
const errors = await validate(file, "xlsx", "Microsoft365");
for (const { description, path } of errors.slice(0, SHOWN)) {
  console.log(`${path.partUri}${path.xpath}: ${description}`);
}
if (errors.length > SHOWN) console.log(`${errors.length} errors in all`);
// The SDK's runtime goes on for as long as it is let.
process.exit(errors.length > 0 ? 1 : 0);
