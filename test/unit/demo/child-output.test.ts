import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { waitForOutput } from '../../../demo/child-output.ts';
import { waitFor } from '../../support/wait-for.ts';

function createChild() {
  const child = new EventEmitter();
  return Object.assign(child, { stdout: new PassThrough(), stderr: new PassThrough() });
}

it('passes each line about a problem separately, however the output is split', async () => {
  const child = createChild();
  const lines: string[] = [];
  const ready = waitForOutput(child as never, /Ready: (\S+)/, (line) => lines.push(line));
  child.stdout.write('Starting\nReady: http://127.0');
  child.stdout.write('.0.1:4001\n');
  expect(await ready).toBe('http://127.0.0.1:4001');
  child.stderr.write('a warning\nnothing\nError: x\n    at y');
  child.stderr.write('.js\nnothing\n    indented\n{"msg":"an error"}\n');
  await waitFor(async () => lines.length >= 4);
  expect(lines).toEqual(['a warning', 'Error: x', '    at y.js', '{"msg":"an error"}']);
});

it('fails with the output of a child that exits', async () => {
  const child = createChild();
  const ready = waitForOutput(child as never, /Ready/, () => {});
  child.stderr.end('no port\n', () => setImmediate(() => child.emit('exit', 1)));
  await expect(ready).rejects.toThrow('no port (exit code 1)');
});
