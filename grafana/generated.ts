import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DrawnRules } from '../src/grafana/thresholds.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import { ruleOf } from './parts/thresholds.ts';

/** What is given to Grafana. */
export const PROVISIONING = join(import.meta.dirname, 'provisioning');
const DASHBOARDS_DIR = join('dashboards', 'json');
/** Where Grafana finds the dashboards. */
export const JSON_DIR = join(PROVISIONING, DASHBOARDS_DIR);
/** What `perfscope grafana` needs, and Grafana does not. */
const DRAWN_RULES = 'drawn-rules.json';

/** The files that are made, by their path in `PROVISIONING`. */
export function generated(): Map<string, string> {
  return new Map([
    [DRAWN_RULES, textOf(drawnRules())],
    ...DASHBOARDS.map(
      (dashboard) => [join(DASHBOARDS_DIR, `${dashboard.uid}.json`), textOf(dashboard)] as const,
    ),
  ]);
}

const textOf = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

function drawnRules(): DrawnRules {
  return Object.fromEntries(
    DASHBOARDS.map(({ uid, panels = [] }) => [
      uid,
      Object.fromEntries(
        panels.flatMap((panel) => {
          const rule = 'fieldConfig' in panel && ruleOf(panel.fieldConfig?.defaults.thresholds);
          return rule ? [[panel.id, rule]] : [];
        }),
      ),
    ]),
  );
}

/** Paths of files that are missing, are not what the code makes, or belong to no dashboard. */
export function stale(): string[] {
  const wanted = generated();
  const found = readdirSync(JSON_DIR).map((name) => join(DASHBOARDS_DIR, name));
  const differs = (path: string) => textIn(join(PROVISIONING, path)) !== wanted.get(path);
  return [...new Set([...wanted.keys(), ...found.filter((path) => path.endsWith('.json'))])]
    .filter(differs)
    .sort();
}

function textIn(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
