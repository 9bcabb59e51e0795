// For the demo's image: what only the demo needs becomes what the package needs, so that
// `npm prune --omit=dev` keeps it in the version of package-lock.json.
import { readFileSync, writeFileSync } from 'node:fs';

const FOR_THE_DEMO = ['bullmq', 'ioredis'];

for (const [file, rootOf] of [
  ['package.json', (content) => content],
  ['package-lock.json', (content) => content.packages['']],
]) {
  const content = JSON.parse(readFileSync(file, 'utf8'));
  const { dependencies, devDependencies } = rootOf(content);
  for (const name of FOR_THE_DEMO) {
    dependencies[name] = devDependencies[name];
    delete devDependencies[name];
  }
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
