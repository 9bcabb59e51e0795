import { describe, expect, it } from 'vitest';
import { fingerprintMongoCommand } from '../../../../../../src/agent/instrumentation/databases/mongodb/mongodb-fingerprint.ts';

type Command = Record<string, unknown>;

function fingerprint(command: Command): string {
  return fingerprintMongoCommand(Object.keys(command)[0] ?? '', command).text;
}

const ID = '65f1c0ffee65f1c0ffee65f1';

describe('the fingerprint of a command', () => {
  it.each<[string, Command, string]>([
    ['sorts keys', { find: 'rooms', filter: { b: 1, a: 2 } }, 'find rooms {a, b}'],
    ['has no filter', { find: 'rooms', filter: {} }, 'find rooms {}'],
    [
      'has the keys of operators, but not of values',
      { find: 'rooms', filter: { $or: [{ a: 1 }, { b: { secret: 1 } }], price: { $gt: 5 } } },
      'find rooms {$or {a, b}, price}',
    ],
    [
      'is the same for a list of any length',
      { find: 'rooms', filter: { $and: Array.from({ length: 50 }, () => ({ a: 1 })) } },
      'find rooms {$and {a}}',
    ],
    [
      'is limited in depth',
      { find: 'rooms', filter: { $and: [{ $or: [{ $nor: [{ a: 1 }] }] }] } },
      'find rooms {$and {$or {$nor}}}',
    ],
    [
      'hides IDs in keys',
      { update: 'rooms', updates: [{ q: { _id: 1 }, u: { $set: { [`guests.${ID}.name`]: 1 } } }] },
      'update rooms {_id} {$set {guests.?.name}}',
    ],
    [
      'hides invalid field names',
      { find: 'rooms', filter: { 'a@example.com': 1 } },
      'find rooms {?.com}',
    ],
    ['hides IDs in collections', { count: `rooms_${ID}`, query: { a: 1 } }, 'count rooms_? {a}'],
    [
      'names a pipeline',
      { aggregate: 'rooms', pipeline: [{ $match: { a: 1 } }, { $project: { b: 1 } }] },
      'aggregate rooms [$match {a}, $project]',
    ],
    [
      'names a pipeline of an update',
      { findAndModify: 'rooms', query: { a: 1 }, update: [{ $set: { b: 1 } }] },
      'findAndModify rooms {a} [$set]',
    ],
    [
      'omits a replacement',
      { update: 'rooms', updates: [{ q: { _id: 1 }, u: { name: 'a' } }] },
      'update rooms {_id}',
    ],
    ['names the collection of a batch', { getMore: 5n, collection: 'rooms' }, 'getMore rooms'],
    [
      'omits the collection of a pipeline without one',
      { aggregate: 1, pipeline: [] },
      'aggregate []',
    ],
    ['omits encoded statements', { delete: 'rooms', deletes: [new Uint8Array(4)] }, 'delete rooms'],
    ['hides an unknown name', { [`x-${ID}`]: 1 }, '_OTHER'],
  ])('%s', (_, command, expected) => {
    expect(fingerprint(command)).toBe(expected);
  });

  it('is limited in length', () => {
    const stages = Array.from({ length: 20 }, (_, i) => ({
      $match: Object.fromEntries(
        Array.from({ length: 9 }, (__, j) => [`k${'abcdef'[i % 6]}${j}`, 1]),
      ),
    }));
    const text = fingerprint({ aggregate: 'rooms', pipeline: stages });
    expect(text.length).toBeLessThan(320);
    expect(text).toMatch(/…$/);
  });

  it('has few values for many keys in many collections', () => {
    const texts = new Set<string>();
    for (let i = 0; i < 20_000; i++) {
      const name = i.toString(2).replaceAll('0', 'x').replaceAll('1', 'y');
      texts.add(fingerprint({ find: `rooms${'xyz'[i % 3]}`, filter: { [name]: 1 } }));
      texts.add(fingerprint({ find: name.slice(-7), filter: { [name]: 1 } }));
    }
    expect(texts.size).toBeLessThan(2200);
  });

  it('has few values for one million different keys and collections', () => {
    const texts = new Set<string>();
    for (let i = 0; i < 20_000; i++) {
      const name = i.toString(2).replaceAll('0', 'a').replaceAll('1', 'b');
      texts.add(fingerprint({ find: 'guests', filter: { [name]: 1 } }));
      texts.add(fingerprint({ find: name, filter: { a: 1 } }));
    }
    expect(texts.size).toBeLessThan(2200);
  });
});
