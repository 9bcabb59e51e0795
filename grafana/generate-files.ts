import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PanelRules } from '../src/server/grafana/panel-thresholds.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import { getRuleName } from './parts/thresholds.ts';

/** Folder with the provisioning files for Grafana. */
export const PROVISIONING_DIR = join(import.meta.dirname, 'provisioning');
const DASHBOARDS_DIR = join('dashboards', 'json');
/** Folder from which Grafana loads the dashboards. */
export const JSON_DIR = join(PROVISIONING_DIR, DASHBOARDS_DIR);
/** Maps panels to alert rules. `perfscope grafana` reads it, Grafana doesn't. */
const DRAWN_RULES_FILE = 'drawn-rules.json';

/** Returns the content of the generated files by their path in `PROVISIONING_DIR`. */
export function generateFiles(): Map<string, string> {
  return new Map([
    [DRAWN_RULES_FILE, formatJson(collectDrawnRules())],
    ...DASHBOARDS.map(
      (dashboard) =>
        [join(DASHBOARDS_DIR, `${dashboard.uid}.json`), formatJson(dashboard)] as const,
    ),
  ]);
}

const formatJson = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

/** Returns the name of the alert rule behind the thresholds of each panel and column. */
function collectDrawnRules(): PanelRules {
  return Object.fromEntries(
    DASHBOARDS.map(({ uid, panels = [] }) => [
      uid,
      Object.fromEntries(
        panels.flatMap((panel) => {
          if (!('fieldConfig' in panel)) return [];
          const { defaults, overrides = [] } = panel.fieldConfig ?? { defaults: {} };
          const all = [
            [`${panel.id}`, defaults.thresholds],
            ...overrides.flatMap(({ matcher, properties }) =>
              properties.flatMap(({ id, value }) =>
                id === 'thresholds' ? [[`${panel.id}/${matcher.options}`, value] as const] : [],
              ),
            ),
          ] as const;
          return all.flatMap(([key, thresholds]) => {
            const rule = getRuleName(thresholds);
            return rule ? [[key, rule]] : [];
          });
        }),
      ),
    ]),
  );
}

/** Returns the paths of files that are missing, out of date, or don't belong to any dashboard. */
export function findStaleFiles(): string[] {
  const expected = generateFiles();
  const found = readdirSync(JSON_DIR).map((name) => join(DASHBOARDS_DIR, name));
  const differs = (path: string) =>
    readIfExists(join(PROVISIONING_DIR, path)) !== expected.get(path);
  return [...new Set([...expected.keys(), ...found.filter((path) => path.endsWith('.json'))])]
    .filter(differs)
    .sort();
}

function readIfExists(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
