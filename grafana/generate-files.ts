import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PanelRules } from '../src/server/grafana/panel-thresholds.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import { getRuleName } from './parts/thresholds.ts';

/** What is given to Grafana. */
export const PROVISIONING_DIR = join(import.meta.dirname, 'provisioning');
const DASHBOARDS_DIR = join('dashboards', 'json');
/** Where Grafana finds the dashboards. */
export const JSON_DIR = join(PROVISIONING_DIR, DASHBOARDS_DIR);
/** What `perfscope grafana` needs, and Grafana does not. */
const DRAWN_RULES_FILE = 'drawn-rules.json';

/** The files that are made, by their path in `PROVISIONING`. */
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

function collectDrawnRules(): PanelRules {
  return Object.fromEntries(
    DASHBOARDS.map(({ uid, panels = [] }) => [
      uid,
      Object.fromEntries(
        panels.flatMap((panel) => {
          const rule =
            'fieldConfig' in panel && getRuleName(panel.fieldConfig?.defaults.thresholds);
          return rule ? [[panel.id, rule]] : [];
        }),
      ),
    ]),
  );
}

/** Paths of files that are missing, are not what the code makes, or belong to no dashboard. */
export function findStaleFiles(): string[] {
  const wanted = generateFiles();
  const found = readdirSync(JSON_DIR).map((name) => join(DASHBOARDS_DIR, name));
  const differs = (path: string) => readIfExists(join(PROVISIONING_DIR, path)) !== wanted.get(path);
  return [...new Set([...wanted.keys(), ...found.filter((path) => path.endsWith('.json'))])]
    .filter(differs)
    .sort();
}

function readIfExists(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
