const http = require('node:http');
const http2 = require('node:http2');

/**
 * Sends requests one after another, and prints their responses.
 *
 * @param {string} base URL of the server
 * @param {[method: string, path: string, headers?: Record<string, string>][]} requests
 */
async function sendOwnRequests(base, requests) {
  const session = base.startsWith('h2c:')
    ? http2.connect(base.replace('h2c:', 'http:'))
    : undefined;
  const agent = new http.Agent({ keepAlive: true });
  for (const [method, path, headers = {}] of requests) {
    const send = session
      ? sendHttp2(session, method, path, headers)
      : sendHttp1(base, agent, method, path, headers);
    console.log(method, path, await send.catch(() => 'no response'));
  }
  session?.close();
  agent.destroy();
}

async function sendHttp1(base, agent, method, path, headers) {
  const response = await new Promise((done, fail) => {
    http
      .request(base + path, { method, headers, agent }, done)
      .once('error', fail)
      .end();
  });
  let body = '';
  for await (const part of response) body += part;
  return `${response.statusCode} ${body}`;
}

async function sendHttp2(session, method, path, headers) {
  const fields = { ':method': method, ':path': path, ...headers };
  const stream = session.request(fields, { endStream: true });
  let status = 0;
  let body = '';
  stream.once('response', (response) => (status = response[':status']));
  stream.on('data', (part) => (body += part));
  await new Promise((done, fail) => stream.once('error', fail).once('close', done));
  return `${status} ${body}`;
}

module.exports = { sendOwnRequests };
