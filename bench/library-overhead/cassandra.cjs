const { Client } = require('cassandra-driver');

module.exports = {
  servers: ['cassandra'],
  async setup({ CASSANDRA_HOST }) {
    const [host, port = '9042'] = CASSANDRA_HOST.split(':');
    const client = new Client({
      contactPoints: [host],
      protocolOptions: { port: Number(port) },
      localDataCenter: 'datacenter1',
    });
    await client.connect();
    return {
      run: () => client.execute('SELECT key FROM system.local', [], { prepare: true }),
      close: () => client.shutdown(),
    };
  },
};
