// Replaces the native client of `aws-lambda-ric`, which is loaded with `--require`. It sends the same requests to the
// runtime API, over plain sockets, so that the agent doesn't see them, as with the native client.
const Module = require('node:module');
const net = require('node:net');

const [host, port] = (process.env.AWS_LAMBDA_RUNTIME_API ?? '').split(':');
/** The native client waits until the response was sent. Here, the next request waits. */
let sent = Promise.resolve();

function post(path, body, headers = {}) {
  sent = sent.then(() => send('POST', path, body, headers));
}

/** Sends a request, and resolves with the headers and the body of its response. */
function send(method, path, body = '', headers = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), host);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = Buffer.byteLength(body);
    socket.write(
      `${method} /2018-06-01/runtime/${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n` +
        `content-length: ${length}\r\n${lines.join('')}\r\n${body}`,
    );
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject).on('end', () => {
      const [head, ...rest] = text.split('\r\n\r\n');
      const fields = head.split('\r\n').slice(1);
      resolve({
        bodyJson: rest.join('\r\n\r\n'),
        headers: Object.fromEntries(fields.map((field) => field.split(/: (.*)/, 2))),
      });
    });
  });
}

const client = {
  initializeClient() {},
  next: async () => {
    await sent;
    return send('GET', 'invocation/next');
  },
  done: (id, body) => post(`invocation/${id}/response`, body),
  error: (id, body) =>
    post(`invocation/${id}/error`, body, {
      'lambda-runtime-function-error-type': JSON.parse(body).errorType,
    }),
};

const { _load } = Module;
Module._load = function (request, ...args) {
  return /rapid-client\.node$/.test(request) ? client : _load.call(this, request, ...args);
};
