// Runs a function in a request of this process, so that the agent can attribute what the function does.
const { once } = require('node:events');
const { createServer, get } = require('node:http');

module.exports = async function inRequest(fn) {
  const server = createServer(async (_request, response) => {
    await fn();
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [response] = await once(get({ port: server.address().port, agent: false }), 'response');
  await response.resume().toArray();
  server.close();
};
