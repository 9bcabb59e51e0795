const { createServer } = require('node:http');

module.exports = {
  path: '/graphql?query=query%20Room%7Broom%7Bid%7D%7D',
  async listen() {
    const { createYoga } = require('graphql-yoga');
    const { buildSchema } = require('graphql');
    // Yoga's own builder can load another version of graphql.
    const schema = buildSchema('type Room { id: Int } type Query { room: Room }');
    schema.getQueryType().getFields().room.resolve = () => ({ id: 7 });
    const server = createServer(createYoga({ schema, logging: false }));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server.address().port;
  },
};
