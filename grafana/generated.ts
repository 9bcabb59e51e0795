import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DASHBOARDS } from './dashboards/index.ts';

/** Where Grafana finds the dashboards. */
export const JSON_DIR = join(import.meta.dirname, 'provisioning', 'dashboards', 'json');

/** The files of the dashboards, by name. */
export function generated(): Map<string, string> {
  return new Map(
    DASHBOARDS.map((dashboard) => [
      `${dashboard.uid}.json`,
      `${JSON.stringify(dashboard, null, 2)}\n`,
    ]),
  );
}

/** Names of files that are missing, are not what the code makes, or belong to no dashboard. */
export function stale(): string[] {
  const wanted = generated();
  const found = readdirSync(JSON_DIR).filter((name) => name.endsWith('.json'));
  const differs = (name: string) =>
    !found.includes(name) || readFileSync(join(JSON_DIR, name), 'utf8') !== wanted.get(name);
  return [...new Set([...wanted.keys(), ...found])].filter(differs).sort();
}
