import { afterEach, expect, it, vi } from 'vitest';
import { notificationDirectory } from '../../../../src/index.ts';
import {
  ApplicationDirectory,
  PeopleRegistry,
} from '../../../../src/server/notifications/people/people-registry.ts';
import { NOW } from '../../../support/notifier-fixtures.ts';

const logged: string[] = [];
const write = (message: string) => void logged.push(message);
const log = { info: write, warn: write, error: write };
afterEach(() => notificationDirectory.setDirectory(undefined));

it("calls the application's function every minute", async () => {
  const directory = new ApplicationDirectory(log);
  let role: 'ADMIN' | 'ORG_ADMIN' = 'ADMIN';
  notificationDirectory.setDirectory(async () => [
    { name: 'bob', role, ...(role === 'ORG_ADMIN' && { organization: 'o' }) },
  ]);
  expect(directory.isLoaded).toBe(false);
  await directory.refresh(NOW);
  expect([directory.people, directory.isLoaded]).toEqual([[{ name: 'bob', role: 'ADMIN' }], true]);
  role = 'ORG_ADMIN';
  await directory.refresh(NOW + 59_000);
  expect(directory.people[0]?.role).toBe('ADMIN');
  await directory.refresh(NOW + 60_000);
  expect(directory.people).toEqual([{ name: 'bob', role: 'ORG_ADMIN', organization: 'o' }]);
});

it('skips invalid people, and keeps the list when the function fails', async () => {
  const directory = new ApplicationDirectory(log);
  notificationDirectory.setDirectory(() => [
    { name: 'eve', role: 'ADMIN', email: 'eve@x.example\r\nBcc: all@x.example' },
    { name: 'bob', role: 'ADMIN' },
  ]);
  await directory.refresh(NOW);
  expect(directory.people.map(({ name }) => name)).toEqual(['bob']);
  expect(logged.join()).toMatch(/Skipped an invalid person/);
  expect(logged.join()).not.toContain('x.example');
  notificationDirectory.setDirectory(() => {
    throw new Error('no database');
  });
  await directory.refresh(NOW + 1);
  expect(directory.people.map(({ name }) => name)).toEqual(['bob']);
  expect(logged.at(-1)).toMatch(/no database/);
});

it('merges people; the file has priority over the API, and the API over the application', async () => {
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
  // The people of the API are not loaded yet.
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

it('does not wait for a function that never returns', async () => {
  vi.useFakeTimers();
  try {
    let calls = 0;
    notificationDirectory.setDirectory(() => {
      calls += 1;
      return new Promise(() => {});
    });
    const people = new PeopleRegistry({ file: () => [], stored: undefined, log });
    const starting = people.start(NOW);
    await vi.advanceTimersByTimeAsync(5000);
    await starting;
    people.refresh(NOW + 300_000);
    expect([calls, people.isLoaded]).toEqual([1, false]);
    // A new function is called immediately, even if the first call is still pending.
    notificationDirectory.setDirectory(() => [{ name: 'bob', role: 'ADMIN' }]);
    people.refresh(NOW + 300_001);
    await vi.advanceTimersByTimeAsync(0);
    expect(people.all.map(({ name }) => name)).toEqual(['bob']);
  } finally {
    vi.useRealTimers();
  }
});
