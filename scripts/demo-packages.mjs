// Moves the packages that only the demo needs to the regular dependencies, for the demo's image. `npm prune
// --omit=dev` then keeps them in the versions of package-lock.json.
import { readFileSync, writeFileSync } from 'node:fs';

const DEMO_PACKAGES = ['bullmq', 'ioredis'];

for (const [file, getRoot] of [
  ['package.json', (content) => content],
  ['package-lock.json', (content) => content.packages['']],
]) {
  const content = JSON.parse(readFileSync(file, 'utf8'));
  const { dependencies, devDependencies } = getRoot(content);
  for (const name of DEMO_PACKAGES) {
    dependencies[name] = devDependencies[name];
    delete devDependencies[name];
  }
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
