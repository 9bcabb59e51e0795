// Runs the scenario in the first argument, and prints everything that it can observe.
// The output and the exit code must be the same with and without `perfscope/register`.
const [, , scenario] = process.argv;
const printIfAlive = () => setTimeout(() => console.log('still running'), 50);
const shape = (reason) => `${reason?.constructor?.name} ${reason?.message ?? reason}`;

const SCENARIOS = {
  throws: () => {
    throw new TypeError('no room for guest 17');
  },
  rejects: () => Promise.reject(new RangeError('no bed')),
  rejectsWithText: () => Promise.reject('a plain string'),
  rejectsWithUndefined: () => Promise.reject(undefined),
  handled: () => {
    process.on('uncaughtException', (error, origin) => console.log('first', shape(error), origin));
    process.on('uncaughtException', (error) => console.log('second', shape(error)));
    setTimeout(() => SCENARIOS.throws(), 1);
    setTimeout(() => SCENARIOS.rejects(), 10);
  },
  handledRejections: () => {
    process.on('unhandledRejection', (reason, promise) =>
      console.log('rejection', shape(reason), promise instanceof Promise),
    );
    process.on('rejectionHandled', () => console.log('handled later'));
    const late = Promise.reject(new Error('late'));
    setTimeout(() => late.catch(() => {}), 10);
    void SCENARIOS.rejects();
  },
  listenerThrows: () => {
    process.on('unhandledRejection', () => {
      throw new Error('from the listener');
    });
    void SCENARIOS.rejects();
  },
  inspectsProcess: () => {
    const listenerCounts = ['uncaughtException', 'unhandledRejection'].map((name) =>
      process.listenerCount(name),
    );
    console.log('listeners', listenerCounts.join(), process.emit.name, process.emit.length);
    console.log('emit', process.emit('nobody'), process.emit('unhandledRejection', 1));
  },
};

printIfAlive();
SCENARIOS[scenario]();
