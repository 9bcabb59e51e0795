// A test file for `node --test`.
const { test } = require('node:test');

test('rooms', () => {
  if (process.env.NODE_TEST_RESULT === 'fails') throw 'no bed';
});
