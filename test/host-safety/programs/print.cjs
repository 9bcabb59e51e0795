// Prints to both streams, and lives as long as the first argument, in ms.
const [, , lifetimeMs = '0'] = process.argv;
console.log('one');
setTimeout(() => {
  console.log('two');
  console.error('three');
}, Number(lifetimeMs));
