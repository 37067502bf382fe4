/**
 * Serves the console as it is built from the sources at each request, in front of a running server:
 * `node watch.mjs SERVER`. All but the console's own files comes from that server.
 */

import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';

import { context } from 'esbuild';

import { OPTIONS, PAGE } from './build.mjs';

const PORT = 8090;
const [, , server] = process.argv;
const bundle = await context({ ...OPTIONS, sourcemap: 'inline', write: false, outdir: '.' });

const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css' };

/** Returns a file of the console, or undefined if the path names none. */
async function file(path) {
  if (path === '/') return readFile(PAGE);
  const name = /^\/console\/(console\.(?:js|css))$/.exec(path)?.[1];
  if (name === undefined) return undefined;
  const { outputFiles } = await bundle.rebuild();
  return outputFiles.find((each) => each.path.endsWith(`/${name}`))?.contents;
}

/** Passes a request on, and the response back as it comes: event streams never end. */
function pass(incoming, outgoing) {
  const { method, url } = incoming;
  const headers = { ...incoming.headers, host: new URL(server).host };
  const passed = request(new URL(url, server), { method, headers }, (response) => {
    outgoing.writeHead(response.statusCode, response.headers);
    response.pipe(outgoing);
  });
  passed.on('error', () => outgoing.destroy());
  outgoing.on('close', () => passed.destroy());
  incoming.pipe(passed);
}

createServer(async (incoming, outgoing) => {
  const path = new URL(incoming.url, server).pathname;
  try {
    const content = await file(path);
    if (content === undefined) return pass(incoming, outgoing);
    const type = TYPES[path === '/' ? 'html' : path.split('.').at(-1)];
    outgoing.writeHead(200, { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-store' });
    outgoing.end(content);
  } catch (error) {
    outgoing.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' });
    outgoing.end(String(error)); // what esbuild found wrong, which it has logged, too
  }
}).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}/, in front of ${server}`));
