// Prints one line after 0.5 s and ends.
setTimeout(() => console.log('work done'), 500);
