// Collects what a program observes, and prints it at the end. A replaced global can't change what is printed in between.
const notes = [];

/** Adds a line to the output. */
const note = (...values) => notes.push(values.map(String).join(' '));

/** Runs the program. Exits with code 3 if it fails. */
function run(main) {
  process.on('exit', (code) => console.log('exit', code));
  main().then(
    () => {
      for (const line of notes) console.log(line);
      console.log('done');
    },
    (error) => {
      console.log('failed', error?.message);
      process.exit(3);
    },
  );
}

module.exports = { note, run };
