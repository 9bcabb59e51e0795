import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CLIENT_TYPES_FILE, formatClientTypes } from '../../../scripts/generate-client-types.ts';

it('the client types match the OpenAPI document (run "npm run client-types" to update them)', async () => {
  expect(readFileSync(CLIENT_TYPES_FILE, 'utf8')).toBe(await formatClientTypes());
});
