// Sends requests for a tenant, with a URL template, through a redirect, and without reading the body.
import { once } from 'node:events';
import http from 'node:http';
import { withTenant, withUrlTemplate } from '../../dist/agent-package/index.js';

const server = http.createServer((request, response) => {
  if (request.url === '/old') response.writeHead(302, { location: '/rooms/1' }).end();
  else if (request.url === '/hang') return;
  else if (request.url === '/large') response.end(Buffer.alloc(1e6));
  else response.end('text');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${server.address().port}`;

const get = async (path) => (await fetch(base + path)).text();
const getWithHttp = (path) =>
  new Promise((resolve) => {
    http.get(base + path, (response) => response.resume().on('end', resolve));
  });

const grand = { organizationId: 'grand', propertyId: 'lake' };
for (const send of [get, getWithHttp]) {
  await withTenant(grand, () => withUrlTemplate('/rooms/{id}', () => send('/rooms/7')));
  // The calls start later, in the same context.
  await withUrlTemplate('/guests/{id}', async () => {
    await new Promise(setImmediate);
    return Promise.all([send('/guests/1'), send('/guests/2')]);
  });
  await withUrlTemplate('/guests?name=secret', () => send('/guests'));
}
await get('/old');
// The application cancels these requests before and after the headers.
await new Promise((resolve) => {
  const request = http
    .get(`${base}/hang`)
    .on('error', () => {})
    .on('close', resolve);
  setTimeout(() => request.destroy(), 20);
});
await new Promise((resolve) => {
  const request = http.get(`${base}/large`, () => request.destroy()).on('close', resolve);
});
await (await fetch(`${base}/large`)).body.cancel();
// The application does not read these bodies.
await fetch(`${base}/large`);
await new Promise((resolve) => {
  http.get(`${base}/large`, { agent: false }, resolve);
});
console.log(`host ${server.address().port}`);
process.exit();
