/** Write anew what comes of the schemas: the types of the documents, and the schemas as files. A test says when that is due. */
import { writeFileSync } from "node:fs";
import { documentTypes } from "./document_types.js";
import { schemaFiles } from "./schema_files.js";

writeFileSync("src/report/schema/documents.ts", documentTypes());
for (const [path, text] of schemaFiles()) writeFileSync(path, text);
