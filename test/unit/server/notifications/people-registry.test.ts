import { afterEach, expect, it, vi } from 'vitest';
import { notificationDirectory } from '../../../../src/index.ts';
import {
  ApplicationDirectory,
  PeopleRegistry,
} from '../../../../src/server/notifications/people/people-registry.ts';
import { NOW } from '../../../support/notifier-fixtures.ts';

const said: string[] = [];
const say = (message: string) => void said.push(message);
const log = { info: say, warn: say, error: say };
const directory = () => new ApplicationDirectory(log);
afterEach(() => notificationDirectory.setDirectory(undefined));

it("asks the application's function again each minute", async () => {
  const asked = directory();
  let role: 'ADMIN' | 'ORG_ADMIN' = 'ADMIN';
  notificationDirectory.setDirectory(async () => [
    { name: 'bob', role, ...(role === 'ORG_ADMIN' && { organization: 'o' }) },
  ]);
  expect(asked.isLoaded).toBe(false);
  await asked.refresh(NOW);
  expect([asked.people, asked.isLoaded]).toEqual([[{ name: 'bob', role: 'ADMIN' }], true]);
  role = 'ORG_ADMIN';
  await asked.refresh(NOW + 59_000);
  expect(asked.people[0]?.role).toBe('ADMIN');
  await asked.refresh(NOW + 60_000);
  expect(asked.people).toEqual([{ name: 'bob', role: 'ORG_ADMIN', organization: 'o' }]);
});

it('leaves out who is no person, and keeps who was known when the function fails', async () => {
  const asked = directory();
  notificationDirectory.setDirectory(() => [
    { name: 'eve', role: 'ADMIN', email: 'eve@x.example\r\nBcc: all@x.example' },
    { name: 'bob', role: 'ADMIN' },
  ]);
  await asked.refresh(NOW);
  expect(asked.people.map(({ name }) => name)).toEqual(['bob']);
  expect(said.join()).toMatch(/Skipped an invalid person/);
  expect(said.join()).not.toContain('x.example');
  notificationDirectory.setDirectory(() => {
    throw new Error('no database');
  });
  await asked.refresh(NOW + 1);
  expect(asked.people.map(({ name }) => name)).toEqual(['bob']);
  expect(said.at(-1)).toMatch(/no database/);
});

it('counts those of the file first, then those of the API, then those of the application', async () => {
  const file = [{ name: 'ann', role: 'ADMIN' as const }];
  const stored = {
    isLoaded: false,
    people: [] as { name: string; role: 'ADMIN'; email?: string }[],
  };
  const people = new PeopleRegistry({ file: () => file, stored, log });
  notificationDirectory.setDirectory(() => [
    { name: 'bob', role: 'ADMIN', email: 'app@o.example' },
    { name: 'cem', role: 'ADMIN' },
  ]);
  await people.start(NOW);
  expect(people.all.map(({ name }) => name)).toEqual(['ann', 'bob', 'cem']);
  // Somebody of the API may have a name that nobody has until then.
  expect(people.isLoaded).toBe(false);
  stored.isLoaded = true;
  stored.people = [
    { name: 'ann', role: 'ADMIN', email: 'api@o.example' },
    { name: 'bob', role: 'ADMIN', email: 'api@o.example' },
  ];
  expect(people.isLoaded).toBe(true);
  expect(people.all).toEqual([...file, stored.people[1], { name: 'cem', role: 'ADMIN' }]);
  expect(people.list().map(({ source, hidden }) => [source, hidden])).toEqual([
    ...[['file', false] as const, ['api', true] as const, ['api', false] as const],
    ...[['application', true] as const, ['application', false] as const],
  ]);
});

it('does not wait for an application that never answers', async () => {
  vi.useFakeTimers();
  try {
    let asked = 0;
    notificationDirectory.setDirectory(() => {
      asked += 1;
      return new Promise(() => {});
    });
    const people = new PeopleRegistry({ file: () => [], stored: undefined, log });
    const started = people.start(NOW);
    await vi.advanceTimersByTimeAsync(5000);
    await started;
    people.refresh(NOW + 300_000);
    expect([asked, people.isLoaded]).toEqual([1, false]);
    // Another function counts at once, whatever becomes of the first.
    notificationDirectory.setDirectory(() => [{ name: 'bob', role: 'ADMIN' }]);
    people.refresh(NOW + 300_001);
    await vi.advanceTimersByTimeAsync(0);
    expect(people.all.map(({ name }) => name)).toEqual(['bob']);
  } finally {
    vi.useRealTimers();
  }
});
