import { expect, it } from 'vitest';
import { redirectLambdaHandler } from '../../../../src/agent/lambda/redirect-handler.ts';

const FOLDER = '/opt/nodejs/node_modules/@perfscope/agent';
const REDIRECTED = `${FOLDER}/lambda-handler.handler`;

function redirect(env: NodeJS.ProcessEnv, argv: string[]) {
  redirectLambdaHandler(FOLDER, { env, argv });
  return { env, argv };
}

it("redirects the handler of AWS' runtime", () => {
  const { env } = redirect({ _HANDLER: 'app.handler' }, ['node', '/var/runtime/index.mjs']);
  expect(env).toEqual({ _HANDLER: REDIRECTED, PERFORMANCE_LAMBDA_HANDLER: 'app.handler' });
});

it('redirects the argument of the package for container images', () => {
  const program = '/function/node_modules/.bin/aws-lambda-ric';
  const { env, argv } = redirect({}, ['node', program, 'app.handler']);
  expect(argv[2]).toBe(REDIRECTED);
  expect(env).toEqual({ PERFORMANCE_LAMBDA_HANDLER: 'app.handler' });
});

it.each([
  ['another program', { _HANDLER: 'app.handler' }, '/usr/bin/npx'],
  ['a handler that is redirected already', { _HANDLER: REDIRECTED }, '/var/runtime/index.mjs'],
])('changes nothing for %s', (_name, variables, program) => {
  const { env, argv } = redirect({ ...variables }, ['node', program]);
  expect(env).toEqual(variables);
  expect(argv).toEqual(['node', program]);
});
