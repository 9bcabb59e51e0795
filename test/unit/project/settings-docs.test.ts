import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatSettingsDocs, SETTING_GROUPS } from '../../../scripts/generate-settings-docs.ts';
import { VARIABLES } from '../../../src/core/config/setting-definitions.ts';

it('docs/configuration.md matches the definitions (run "npm run settings" to update it)', () => {
  expect(readFileSync('docs/configuration.md', 'utf8')).toBe(formatSettingsDocs());
});

it('each setting is in one section', () => {
  const names = Object.values(SETTING_GROUPS).flat();
  expect(names.toSorted()).toEqual(Object.keys(VARIABLES).toSorted());
});
