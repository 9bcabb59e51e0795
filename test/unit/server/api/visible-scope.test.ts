import { expect, it } from 'vitest';
import { selectVisibleScopes } from '../../../../src/server/api/request/visible-scope.ts';

it('lets callers without access to hosts select queues only by prefix', () => {
  const scope = 'prod@redis.internal:6379/0';
  const queues = [
    { scope, depth: 1 },
    { scope: undefined },
    { scope: 'stage@redis.internal:6379/0' },
  ];
  const select = (selected: string[] | undefined, hosts: boolean) =>
    selectVisibleScopes(queues, selected, hosts).map((queue) => queue.scope);
  expect(select([scope], true)).toEqual([scope]);
  expect(select([scope], false)).toEqual([]);
  expect(select(['prod'], true)).toEqual([scope]);
  expect(select(['prod'], false)).toEqual(['prod']);
  expect(select(undefined, false)).toEqual(['prod', undefined, 'stage']);
});
