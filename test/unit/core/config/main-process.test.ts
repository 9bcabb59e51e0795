import { describe, expect, it } from 'vitest';
import { isApplication, type ProcessFacts } from '../../../../src/core/config/main-process.ts';

const REGISTER = '@perfscope/agent/register';

function process(command: string, nodeOptions = ''): ProcessFacts {
  const args = command.split(' ');
  return { args, nodeOptions, isNode: /^(\S*\/)?node$/.test(args[0] ?? '') };
}

/** A process without a script, whose title is its only argument. */
function titled(title: string, nodeOptions = ''): ProcessFacts {
  return { args: [title], nodeOptions, isNode: true };
}

const app = process(`/usr/bin/node --import ${REGISTER} app.js`);
const plain = process('/usr/bin/node app.js');
const shell = process('/bin/sh -c app');
const systemd = process('/sbin/init');
const withOptions = (command: string) => process(command, `--import ${REGISTER}`);
const pm2 = process(
  `/usr/bin/node --import ${REGISTER} /srv/node_modules/pm2/lib/ProcessContainerFork.js`,
);

describe.each([
  ['with --import', app],
  ['with --require', process(`node --require=${REGISTER} app.js`)],
  ['with NODE_OPTIONS', withOptions('node app.js')],
  ['with another module that loads the agent', process('node --import ./instrument.mjs app.js')],
])('an application %s', (_flags, own) => {
  it.each([
    ['a terminal', [shell, systemd], true],
    ['Docker', [], true],
    ['an uninstrumented process', [plain, systemd], true],
    ['a shell with the same NODE_OPTIONS', [process('/bin/sh -c app', own.nodeOptions)], true],
    ['npm with the same NODE_OPTIONS', [shell, titled('npm run start', own.nodeOptions)], true],
    ['itself', [own], false],
    ['itself through a shell', [shell, own], false],
    ['itself through npm', [shell, titled('npm run start', own.nodeOptions), own], false],
  ])('that was started by %s is the main process: %s', (_parent, ancestors, expected) => {
    expect(isApplication(own, false, ancestors)).toBe(expected);
  });

  it.each([
    ['an uninstrumented process', [plain], false],
    ['itself', [own], false],
    ['a process that is not known', [], false],
    ['`node --watch`', [process(`node --import ${REGISTER} --watch app.js`)], true],
    ['`node --watch-path`', [process('node --watch-path=./src app.js')], true],
    ['nodemon', [process('node /srv/node_modules/.bin/nodemon app.js')], true],
    ['tsx', [process('node /srv/node_modules/tsx/dist/cli.mjs app.ts')], true],
  ])(
    'that was started with an IPC channel by %s is the main process: %s',
    (_p, ancestors, expected) => {
      expect(isApplication(own, true, ancestors)).toBe(expected);
    },
  );
});

it.each([
  ['npm', withOptions('node /usr/bin/npm start')],
  ['npx', withOptions('node /usr/lib/node_modules/npm/bin/npx-cli.js app')],
  ['yarn', withOptions('node /opt/yarn/bin/yarn.js start')],
  ['tsx', withOptions('node /srv/node_modules/.bin/tsx app.ts')],
  ['`node --watch`', process(`node --import ${REGISTER} --watch app.js`)],
])('%s is not an application', (_launcher, own) => {
  expect(isApplication(own, false, [shell])).toBe(false);
});

it.each([
  ['a folder called npm', 'node /srv/npm/app.js'],
  ['a preloaded module called tsx', 'node --import tsx app.ts'],
  ['an argument called --watch', 'node app.js --watch'],
])('%s does not make an application a launcher', (_case, command) => {
  expect(isApplication(process(command), false, [shell])).toBe(true);
  expect(isApplication(withOptions('node b.js'), false, [withOptions(command)])).toBe(false);
});

it('an application of PM2 is the main process, but its child processes are not', () => {
  const daemon = titled('PM2 v7.0.4: God Daemon (/home/app/.pm2)', `--import ${REGISTER}`);
  expect(isApplication(pm2, true, [daemon])).toBe(true);
  const worker = process(`/usr/bin/node --import ${REGISTER} worker.js`);
  expect(isApplication(worker, true, [pm2, daemon])).toBe(false);
  expect(isApplication(worker, false, [pm2, daemon])).toBe(false);
});
