import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('never changes a rest parameter, because optimized code of Node.js 24 can ignore the change', () => {
  const files = globSync('src/agent/**/*.ts');
  expect(files.length).toBeGreaterThan(50);
  const changed = files.filter((file) => {
    const source = readFileSync(file, 'utf8');
    const names = [...source.matchAll(/\.\.\.(\w+)(?:: [\w<>[\]]+)?\)/g)].map(([, name]) => name);
    return names.some((name) => new RegExp(`\\b${name}\\[[^\\]]+\\] = `).test(source));
  });
  expect(changed).toEqual([]);
});
