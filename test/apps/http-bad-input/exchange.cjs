// Serves requests and sends them, and notes everything that the client receives.
const http = require('node:http');

const { note } = require('../noted-program.cjs');

/** Resolves with the server. */
const serve = (listener) =>
  new Promise((done) => {
    const server = http.createServer(listener);
    server.listen(0, '127.0.0.1', () => done(server));
  });

/** Sends one request on its own connection. Resolves when the connection has closed. */
const send = (server, path) =>
  new Promise((done) => {
    const { port } = server.address();
    const request = http.get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text) => {
        body += text;
      });
      response.on('close', () => {
        note(path, response.statusCode, withoutFrames(body));
        done();
      });
    });
    request.on('error', (error) => {
      note(path, error.code);
      done();
    });
  });

/** The agent is a part of a stack. */
const withoutFrames = (text) => text.replace(/(<br>|\n).*/s, '');

const close = (server) => new Promise((done) => server.close(done));

module.exports = { serve, send, close };
