// Clients that both kinds of modules can use. Each reads the body, and returns the status.
const http = require('node:http');
const https = require('node:https');
const { toSignal } = require('./exercise.cjs');

exports.fetch = async (url, { method, body, ...cancel }) => {
  const response = await fetch(url, { method, body, signal: toSignal(cancel) });
  await response.text();
  return response.status;
};

exports.createUndici =
  (undici) =>
  async (url, { method, body, ...cancel }) => {
    const response = await undici.request(url, { method, body, signal: toSignal(cancel) });
    await response.body.text();
    return response.statusCode;
  };

exports.http = (url, { method, body, timeoutMs, abortMs }) =>
  new Promise((resolve, reject) => {
    const { request } = url.startsWith('https') ? https : http;
    const signal = toSignal({ abortMs });
    const sent = request(url, { method, signal, timeout: timeoutMs }, (response) => {
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode));
      response.resume();
    });
    sent.on('timeout', () => {
      sent.destroy(Object.assign(new Error('too slow'), { code: 'ETIMEDOUT' }));
    });
    sent.on('error', reject);
    sent.end(body);
  });

exports.createAxios =
  (axios) =>
  async (url, { method, body, timeoutMs, abortMs }) => {
    const signal = toSignal({ abortMs });
    const validateStatus = () => true;
    const options = { url, method, data: body, timeout: timeoutMs, signal, validateStatus };
    return (await axios.request(options)).status;
  };
