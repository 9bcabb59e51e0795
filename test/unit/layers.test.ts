import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { expect, it } from 'vitest';

/** Rooms by layer; `commands` and the files right under src that are not named are the top layer. */
const LAYERS = [
  ['schema', 'histogram', 'config', 'entries', 'errors.ts', 'log.ts'],
  ['questdb', 'write', 'instrumentation'],
  ['record', 'exporter', 'windows', 'access', 'backup', 'error-tracking'],
  ['health', 'alerts', 'notify', 'actions', 'api', 'web', 'grafana'],
];

function layerOf(room: string): number {
  const layer = LAYERS.findIndex((rooms) => rooms.includes(room));
  return layer < 0 ? LAYERS.length : layer;
}

it('imports go from higher layers to lower ones only, and never across a layer', () => {
  const files = readdirSync('src', { recursive: true }).map(String);
  const wrong = files
    .filter((f) => f.endsWith('.ts'))
    .flatMap((file) => {
      const room = file.split(sep)[0]!;
      const text = readFileSync(join('src', file), 'utf8');
      const targets = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((m) =>
        normalize(join(dirname(file), m[1]!)),
      );
      return targets
        .filter((target) => !target.startsWith('..'))
        .filter((target) => {
          const other = target.split(sep)[0]!;
          if (other === room || layerOf(room) === LAYERS.length) return false;
          // config and questdb speak of errors and tables: the leaf layer is shared among itself.
          return (
            layerOf(other) > layerOf(room) ||
            (layerOf(other) === layerOf(room) && layerOf(room) > 0)
          );
        })
        .map((target) => `${file} imports ${target}`);
    });
  expect(files.length).toBeGreaterThan(50);
  expect(wrong).toEqual([]);
});

it('only config reads the environment', () => {
  const readers = readdirSync('src', { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.ts') && !file.startsWith('config'))
    .filter((file) => /process\.env\b/.test(readFileSync(join('src', file), 'utf8')));
  expect(readers).toEqual([]);
});
