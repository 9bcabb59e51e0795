// A small stand-in for AWS Lambda. It starts the function, sends events to it, and freezes it after each result. It does
// the same as AWS' runtime, without its package: it loads the handler, and calls it with each event of the runtime API.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const EVENTS = [
  { routeKey: 'GET /orders/{id}', pathParameters: { id: '7' } },
  { routeKey: 'POST /orders', body: '{"items":["room","breakfast"]}' },
  { routeKey: 'GET /orders/{id}', pathParameters: { id: '0' } },
  { Records: [{ eventSource: 'aws:sqs', body: '{"items":["parking"]}' }] },
].map((event) =>
  event.routeKey
    ? { ...event, requestContext: { http: { method: event.routeKey.split(' ')[0] }, ...event } }
    : event,
);

/** The response of the function's request for the next event. */
let waiting;
let onWaiting = () => {};
let onResult = () => {};
const api = createServer(async (request, response) => {
  if (request.url.endsWith('/next')) {
    waiting = response;
    onWaiting();
    return;
  }
  let body = '';
  for await (const chunk of request) body += chunk;
  response.writeHead(202).end();
  onResult(`${request.url.split('/').at(-1)} ${body}`);
});
api.listen(0, '127.0.0.1');
await once(api, 'listening');

const child = spawn(process.execPath, ['aws-lambda-ric.js', 'orders.handler'], {
  cwd: fileURLToPath(new URL('.', import.meta.url)),
  env: {
    ...process.env,
    NODE_OPTIONS: '--import @perfscope/agent/register',
    AWS_LAMBDA_FUNCTION_NAME: 'orders',
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${api.address().port}`,
    OTEL_SERVICE_NAME: 'perfscope-example-lambda',
  },
  stdio: ['ignore', 'inherit', 'inherit'],
});

for (const event of EVENTS) {
  if (!waiting) await new Promise((done) => (onWaiting = done));
  const response = waiting;
  waiting = undefined;
  const result = new Promise((done) => (onResult = done));
  child.kill('SIGCONT');
  response.setHeader('lambda-runtime-aws-request-id', '1');
  response.setHeader('lambda-runtime-deadline-ms', Date.now() + 30_000);
  response.end(JSON.stringify(event));
  console.log(await result);
  if (!waiting) await new Promise((done) => (onWaiting = done));
  child.kill('SIGSTOP');
}
child.kill('SIGCONT');
child.kill('SIGTERM');
await once(child, 'exit');
api.close();
api.closeAllConnections();
