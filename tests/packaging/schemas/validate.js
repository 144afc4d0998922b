// SPDX-License-Identifier: MIT
// Reads manifests as a JSON array and prints what is wrong with them: a line each, INDEX: WHAT.
// The JSON schemas tell of types, enumerations and what is missing; TypeScript's check of object
// literals tells of fields that there are not, which an API server drops without a word.
import { readFileSync } from "node:fs";
import ts from "typescript";

function moduleOf({ apiVersion, kind }) {
  const operator = apiVersion.startsWith("monitoring.coreos.com/");
  return `${operator ? "@kubernetes-models/prometheus-operator" : "kubernetes-models"}/${apiVersion}/${kind}`;
}

async function schemaErrors(manifest, index) {
  const model = (await import(moduleOf(manifest)))[manifest.kind];
  try {
    new model(manifest).validate();
    return [];
  } catch (error) {
    return [`${index}: ${error.message}`];
  }
}

// Each manifest stands on two lines of a file that is only in memory.
function unknownFields(manifests) {
  const file = new URL("manifests.ts", import.meta.url).pathname;
  const source = manifests.map((manifest, i) =>
    `import type { I${manifest.kind} as T${i} } from "${moduleOf(manifest)}";\n` +
    `export const m${i}: T${i} = ${JSON.stringify(manifest)};`).join("\n");
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [],
                    module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, ...rest) => name === file
    ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022)
    : getSourceFile(name, ...rest);
  return ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ file: where, start, messageText }) => {
      const { line } = where.getLineAndCharacterOfPosition(start);
      return `${Math.floor(line / 2)}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
}

const manifests = JSON.parse(readFileSync(0, "utf8"));
const errors = (await Promise.all(manifests.map(schemaErrors))).flat();
for (const error of errors.concat(unknownFields(manifests))) console.log(error);
