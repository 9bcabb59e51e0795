const { createServer } = require('node:http');

module.exports = {
  path: '/graphql?query=query%20Room%7Broom%7Bid%7D%7D',
  async listen() {
    const { createSchema, createYoga } = require('graphql-yoga');
    const schema = createSchema({
      typeDefs: 'type Room { id: Int } type Query { room: Room }',
      resolvers: { Query: { room: () => ({ id: 7 }) } },
    });
    const server = createServer(createYoga({ schema, logging: false }));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server.address().port;
  },
};
