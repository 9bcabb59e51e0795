// Never writes to the standard error. The agent exports several times before the end.
setTimeout(() => console.log('alive'), 1000);
