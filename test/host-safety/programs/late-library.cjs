// Loads a library after the agent has listed the libraries, and ends after the agent has listed this one.
setTimeout(() => require('express'), 2000);
setTimeout(() => {}, 5000);
