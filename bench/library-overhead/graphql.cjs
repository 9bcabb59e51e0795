const { createServer } = require('node:http');

module.exports = {
  path: '/graphql',
  async listen() {
    const { buildSchema, execute, parse } = require('graphql');
    const schema = buildSchema('type Room { id: Int } type Query { room: Room }');
    const document = parse('query Room { room { id } }');
    const server = createServer(async (_request, response) => {
      const result = await execute({ schema, document, rootValue: { room: { id: 7 } } });
      response.setHeader('content-type', 'application/json').end(JSON.stringify(result));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server.address().port;
  },
};
