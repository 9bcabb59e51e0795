// Does what AWS' package `aws-lambda-ric` does in a container image, in a few lines.
import { basename, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const [file, ...path] = basename(process.argv[2]).split('.');
const base = resolve(dirname(process.argv[2]), file);
const module = await import(pathToFileURL(`${base}.mjs`).href).catch(
  () => import(pathToFileURL(`${base}.js`).href),
);
const handler = path.reduce((value, key) => value[key], module);

for (;;) {
  const next = await fetch(`${api}/next`);
  const id = next.headers.get('lambda-runtime-aws-request-id');
  const deadline = Number(next.headers.get('lambda-runtime-deadline-ms'));
  const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() };
  const [kind, body] = await handler(await next.json(), context).then(
    (result) => ['response', result ?? null],
    (error) => ['error', { errorType: error.name, errorMessage: error.message }],
  );
  await fetch(`${api}/${id}/${kind}`, { method: 'POST', body: JSON.stringify(body) });
}
