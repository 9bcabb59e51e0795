import { describe, expect, it } from 'vitest';
import { parseStackFrame } from '../../../src/core/stack-frame.ts';
import { HOSTILE_FRAGMENTS } from '../../support/hostile-text.ts';

describe('parseStackFrame', () => {
  it.each([
    ['    at book (/srv/app/rooms.js:12:9)', 'book', '/srv/app/rooms.js', true],
    ['    at async /srv/app/api.js:40:3', undefined, 'async /srv/app/api.js', true],
    [
      '    at new Room [as create] (file:///srv/room.js:1:2)',
      'new Room [as create]',
      '/srv/room.js',
      true,
    ],
    [String.raw`at C:\srv\room.js:1:2`, undefined, String.raw`C:\srv\room.js`, true],
    ['at run (node:internal/queue:105:5)', 'run', 'node:internal/queue', false],
    ['at x (/srv/node_modules/a/b.js:1:2)', 'x', '/srv/node_modules/a/b.js', false],
  ])('parses %s', (text, functionName, file, isApplication) => {
    expect(parseStackFrame(text)).toMatchObject({ functionName, file, isApplication });
  });

  it.each([
    'Error: no room',
    '',
    'at',
    'at x',
    'at x (native)',
    'at :1',
    'at a:b:1',
    'book (/a.js:1:2)',
  ])('ignores other text: %s', (text) => {
    expect(parseStackFrame(text)).toBeUndefined();
  });

  it('takes linear time for hostile text', () => {
    // A pattern with quadratic time would take minutes for one of these texts.
    for (const hostile of HOSTILE_FRAGMENTS) {
      parseStackFrame(`at ${hostile.repeat(1_000_000 / hostile.length)}`);
      parseStackFrame(`at ${hostile.repeat(1_000_000 / hostile.length)}:1:1 `);
    }
    expect(parseStackFrame(`at ${' ('.repeat(500_000)}:1:1x`)).toBeUndefined();
  });
});
