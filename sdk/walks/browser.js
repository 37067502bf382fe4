/** Runs the program on standard input as a browser would, until it says that it has everything. */

const { readFileSync } = require('node:fs');
const { EventSource } = require('eventsource'); // Node has none as yet

const console = {
  log: () => {
    process.stdout.write(JSON.stringify([...contexts.keys()]));
    events.close();
  },
};
const program = `${readFileSync(0, 'utf8')}; return { contexts, events };`;
const { contexts, events } = new Function('EventSource', 'console', program)(EventSource, console);
