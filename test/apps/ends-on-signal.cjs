// Runs until it receives SIGUSR2, and then ends by itself.
const timer = setInterval(() => {}, 1000);
process.once('SIGUSR2', () => clearInterval(timer));
