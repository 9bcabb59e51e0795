// npm run dashboards [-- --check]: generates the dashboards. With --check, only reports stale files.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findStaleFiles, generateFiles, JSON_DIR, PROVISIONING_DIR } from './generate-files.ts';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
mkdirSync(JSON_DIR, { recursive: true });
const changed = findStaleFiles();
if (values.check) {
  for (const name of changed) console.error(`${name} is out of date. Run 'npm run dashboards'.`);
  process.exit(changed.length > 0 ? 1 : 0);
}
const files = generateFiles();
for (const name of changed) {
  const text = files.get(name);
  if (text === undefined) rmSync(join(PROVISIONING_DIR, name));
  else writeFileSync(join(PROVISIONING_DIR, name), text);
}
console.log(`Generated ${files.size} files in ${PROVISIONING_DIR}, ${changed.length} changed.`);
