import { afterEach, expect, it } from 'vitest';
import { notificationDirectory } from '../../../src/index.ts';
import { Directory } from '../../../src/notify/directory.ts';
import { NOW } from './support.ts';

const said: string[] = [];
const say = (message: string) => void said.push(message);
const directory = () => new Directory({ info: say, warn: say, error: say });
afterEach(() => notificationDirectory.setDirectory(undefined));

it("has the people of the application's function behind those of the file", async () => {
  const asked = directory();
  let role: 'ADMIN' | 'ORG_ADMIN' = 'ADMIN';
  notificationDirectory.setDirectory(async () => [
    { name: 'ann', role: 'ADMIN', email: 'other@o.example' },
    { name: 'bob', role, ...(role === 'ORG_ADMIN' && { organization: 'o' }) },
  ]);
  await asked.refresh(NOW);
  const file = [{ name: 'ann', role: 'ADMIN' as const }];
  expect(asked.with(file)).toEqual([...file, { name: 'bob', role: 'ADMIN' }]);
  role = 'ORG_ADMIN';
  await asked.refresh(NOW + 59_000);
  expect(asked.with([])[1]?.role).toBe('ADMIN');
  await asked.refresh(NOW + 60_000);
  expect(asked.with([])[1]).toEqual({ name: 'bob', role: 'ORG_ADMIN', organization: 'o' });
});

it('leaves out who is no person, and keeps who was known when the function fails', async () => {
  const asked = directory();
  notificationDirectory.setDirectory(() => [
    { name: 'eve', role: 'ADMIN', email: 'eve@x.example\r\nBcc: all@x.example' },
    { name: 'bob', role: 'ADMIN' },
  ]);
  await asked.refresh(NOW);
  expect(asked.with([]).map(({ name }) => name)).toEqual(['bob']);
  expect(said.join()).toMatch(/left out/);
  notificationDirectory.setDirectory(() => {
    throw new Error('no database');
  });
  await asked.refresh(NOW + 1);
  expect(asked.with([]).map(({ name }) => name)).toEqual(['bob']);
  expect(said.at(-1)).toMatch(/no database/);
});
