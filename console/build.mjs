/**
 * Builds the console: `node build.mjs FOLDER`.
 *
 * Writes the page, its script, its stylesheet, and the licences of the bundled libraries. Equal
 * sources and an equal package-lock.json give equal bytes.
 */

import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

/** The options that the build and the watch mode share. */
export const OPTIONS = {
  entryPoints: { console: 'src/main.tsx' },
  bundle: true,
  format: 'esm',
  target: ['chrome109', 'firefox115', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  legalComments: 'none', // licences.txt has the whole texts
  logLevel: 'warning',
};

/** The page itself, which is no input of esbuild's. */
export const PAGE = 'index.html';

const LICENCE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;

/** Returns the packages of which at least one file is in the bundle, in order of their names. */
function bundled(metafile) {
  const names = Object.values(metafile.outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].sort();
}

/** Returns the name, version and licence texts of a package. */
async function licence(name) {
  const folder = join('node_modules', name);
  const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).filter((file) => LICENCE.test(file)).sort();
  if (files.length === 0) throw new Error(`${name} has no licence file`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const rule = '-'.repeat(100);
  return `${rule}\n${name} ${version} (${license})\n${rule}\n\n${texts.map((text) => text.trim()).join('\n\n')}\n`;
}

async function main(folder) {
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({ ...OPTIONS, minify: true, metafile: true, outdir: folder });
  const licences = await Promise.all(bundled(metafile).map(licence));
  await writeFile(join(folder, 'licences.txt'), licences.join('\n').replaceAll('\r\n', '\n'));
  await cp(PAGE, join(folder, PAGE));
}

if (fileURLToPath(import.meta.url) === process.argv[1]) {
  const [, , folder] = process.argv;
  if (folder === undefined) throw new Error('usage: node build.mjs FOLDER');
  await main(folder);
}
