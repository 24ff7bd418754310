// Checks scenario files against their JSON Schema with ajv.
//   node schema.mjs MODULES SCHEMA good FILE... bad FILE...
// MODULES is the folder that holds node_modules. One line for each surprise, then a sum.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [modules, schemaFile, ...args] = process.argv.slice(2);
const require = createRequire(path.resolve(modules, 'package.json'));
const Ajv = require('ajv/dist/2020').default;
const YAML = require('yaml');

const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: false });
const validate = ajv.compile(JSON.parse(readFileSync(schemaFile, 'utf8')));
let want = true, passed = 0, failed = 0;
for (const arg of args) {
  if (arg === 'good' || arg === 'bad') {
    want = arg === 'good';
    continue;
  }
  const document = YAML.parse(readFileSync(arg, 'utf8'), { version: '1.2' });
  if (validate(document) === want) {
    passed++;
    continue;
  }
  failed++;
  const errors = (validate.errors || []).map((e) => `${e.instancePath} ${e.message}`).slice(-3);
  console.log(`FAIL  ${arg}: ${want ? errors.join('; ') : 'the schema takes it'}`);
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed ? 1 : 0);
