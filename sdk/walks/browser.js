/** Runs the program on standard input as a browser would, until it logs that the list is complete. */

const { readFileSync } = require('node:fs');
const { EventSource } = require('eventsource'); // not yet built into Node

const console = {
  log: () => {
    process.stdout.write(JSON.stringify([...contexts.keys()]));
    events.close();
  },
};
const program = `${readFileSync(0, 'utf8')}; return { contexts, events };`;
const { contexts, events } = new Function('EventSource', 'console', program)(EventSource, console);
