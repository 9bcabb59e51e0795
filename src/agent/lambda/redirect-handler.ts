import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** Module of the agent package that loads the handler of the application, and exports it as `handler`. */
const MODULE = 'lambda-handler';
/** Programs that load the handler: the runtime of AWS, and its package for container images. */
const RUNTIME_PROGRAM = /^\/var\/runtime\/|[/\\]aws-lambda-ric\b/;
/** Handler that the application configured. Removed before the application's code runs. */
const HANDLER_VARIABLE = 'PERFORMANCE_LAMBDA_HANDLER';

/**
 * Makes the Lambda runtime load the handler through a module of the agent. Must be called before the runtime reads the
 * name of the handler, so from a module that is loaded with `--import` or `--require`.
 *
 * @param packageFolder folder of the agent package
 */
export function redirectLambdaHandler(
  packageFolder: string,
  { env, argv }: Pick<NodeJS.Process, 'env' | 'argv'> = process,
): void {
  if (!isMainThread || !RUNTIME_PROGRAM.test(argv[1] ?? '')) return;
  const redirected = `${join(packageFolder, MODULE)}.handler`;
  const { _HANDLER: handler } = env;
  // Older versions of the package receive the handler as an argument.
  const argument = argv[2];
  if (handler && !isRedirected(handler)) {
    env[HANDLER_VARIABLE] ??= handler;
    env._HANDLER = redirected;
  }
  if (argument && !isRedirected(argument)) {
    env[HANDLER_VARIABLE] ??= argument;
    argv[2] = redirected;
  }
}

function isRedirected(handler: string): boolean {
  return handler.endsWith(`${MODULE}.handler`);
}
