// One call of a traced asynchronous function, with the wrapper of each agent. Only the wrapper adds overhead.
module.exports = {
  async setup({ BENCH_AGENT, AGENT_LIBRARY }) {
    const priceRoom = async (room) => room * 10;
    const run = wrap(BENCH_AGENT, AGENT_LIBRARY, priceRoom);
    return { run: () => run(7), close: async () => {} };
  },
};

function wrap(agent, library, fn) {
  if (agent === 'dd-trace') return require(library).wrap('priceRoom', fn);
  return agent === 'none' ? fn : require(library).traceFunction('priceRoom', fn);
}
