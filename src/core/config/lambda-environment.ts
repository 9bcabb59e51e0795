import type { EnvironmentVariables } from './parse-settings.ts';

/** The AWS Lambda function that this process runs. */
export interface LambdaEnvironment {
  readonly functionName: string;
  readonly version: string | undefined;
  /** Log stream of the execution environment. */
  readonly instance: string | undefined;
  readonly region: string | undefined;
  /** Memory of the function, in bytes. */
  readonly memoryBytes: number | undefined;
  /** Host and port of the runtime API. */
  readonly runtimeApi: string;
}

/** The only folder of a function to which processes can write. */
export const LAMBDA_SPOOL_DIR = '/tmp/perfscope-spool';

/** Returns the AWS Lambda function that this process runs, or undefined outside of AWS Lambda. */
export function readLambdaEnvironment(env: EnvironmentVariables): LambdaEnvironment | undefined {
  const { AWS_LAMBDA_FUNCTION_NAME: functionName, AWS_LAMBDA_RUNTIME_API: runtimeApi } = env;
  if (!functionName || !runtimeApi) return undefined;
  const memoryMb = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE);
  return {
    functionName,
    runtimeApi,
    version: env.AWS_LAMBDA_FUNCTION_VERSION || undefined,
    instance: env.AWS_LAMBDA_LOG_STREAM_NAME || undefined,
    region: env.AWS_REGION || undefined,
    memoryBytes: memoryMb > 0 ? memoryMb * 1024 * 1024 : undefined,
  };
}

/** Returns the resource attributes of a function (https://opentelemetry.io/docs/specs/semconv/resource/faas/). */
export function listLambdaAttributes({
  functionName,
  version,
  instance,
  region,
  memoryBytes,
}: LambdaEnvironment): [name: string, value: string][] {
  const attributes: [string, string | undefined][] = [
    ['cloud.provider', 'aws'],
    ['cloud.platform', 'aws_lambda'],
    ['cloud.region', region],
    ['faas.name', functionName],
    ['faas.version', version],
    ['faas.instance', instance],
    ['faas.max_memory', memoryBytes === undefined ? undefined : String(memoryBytes)],
  ];
  return attributes.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}
