/** Write the types of the documents anew; a test says when that is due. */
import { writeFileSync } from "node:fs";
import { documentTypes } from "./document_types.js";

writeFileSync("src/report/schema/documents.ts", documentTypes());
