const { Client } = require('@elastic/elasticsearch');

module.exports = {
  servers: ['elasticsearch'],
  async setup({ ELASTICSEARCH_URL }) {
    const client = new Client({ node: ELASTICSEARCH_URL });
    await client.index({ index: 'rooms', id: '1', document: { name: 'room' }, refresh: true });
    return {
      run: () => client.get({ index: 'rooms', id: '1' }),
      close: () => client.close(),
    };
  },
};
