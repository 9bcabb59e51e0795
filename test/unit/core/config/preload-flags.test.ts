import { expect, it } from 'vitest';
import {
  findPreloads,
  findScript,
  parseNodeOptions,
} from '../../../../src/core/config/preload-flags.ts';

it.each([
  ['--import a --require b', ['--import', 'a', '--require', 'b']],
  ['  --import=a\t--require=b ', ['--import=a', '--require=b']],
  ['--import "./my file.mjs"', ['--import', './my file.mjs']],
  ['--import="./my file.mjs" -r b', ['--import=./my file.mjs', '-r', 'b']],
  ['--require "./a \\"b\\".cjs"', ['--require', './a "b".cjs']],
  ['', []],
])('splits NODE_OPTIONS %j', (text, expected) => {
  expect(parseNodeOptions(text)).toEqual(expected);
});

it.each([
  [['node', 'app.js', '--import', 'x'], 'app.js'],
  [['node', '--import', '@perfscope/agent/register', 'app.js'], 'app.js'],
  [['node', '--import=tsx', '-r', './b.cjs', '--env-file', '.env', 'app.ts'], 'app.ts'],
  [['node'], undefined],
])('finds the script in %j', (args, script) => {
  expect(findScript(args)).toBe(script);
});

it.each([
  [['node', '--import', 'perfscope/register', 'app.js'], '', ['perfscope/register']],
  [['node', '--require=./a.cjs', 'app.js'], '-r b', ['./a.cjs', 'b']],
  [['node', '--import', 'tsx', 'app.ts'], '--import perfscope/register', ['perfscope/register']],
  [['node', 'app.js', '--import', 'not-a-flag-of-node'], '', []],
])('finds the preloaded modules in %j with NODE_OPTIONS %j', (args, nodeOptions, expected) => {
  expect([...findPreloads({ args, nodeOptions })]).toEqual(expected);
});
