// Prints a line after 0.5 s, and ends after SIGUSR2.
const timer = setInterval(() => {}, 1000);
process.once('SIGUSR2', () => {
  clearInterval(timer);
  console.log('work done');
});
setTimeout(() => console.log('working'), 500);
