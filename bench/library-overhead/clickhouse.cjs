const { createClient } = require('@clickhouse/client');

module.exports = {
  servers: ['clickhouse'],
  async setup({ CLICKHOUSE_URL }) {
    const client = createClient({ url: CLICKHOUSE_URL });
    return {
      run: async () => {
        const rows = await client.query({ query: 'SELECT 1 AS n', format: 'JSONEachRow' });
        await rows.text();
      },
      close: () => client.close(),
    };
  },
};
