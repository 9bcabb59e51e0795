// Serves requests and sends them, and notes everything that the client receives.
const http = require('node:http');

const notes = [];
const note = (...values) => notes.push(values.map(String).join(' '));

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

/** Runs the program, and prints all notes at its end. */
function run(main) {
  process.on('exit', (code) => console.log('exit', code));
  main().then(
    () => {
      for (const line of notes) console.log(line);
      console.log('done');
    },
    (error) => {
      console.log('failed', error?.message);
      process.exit(3);
    },
  );
}

module.exports = { note, serve, send, close, run };
