/**
 * Where the user is, and how to get elsewhere: the part of the URL after `#`.
 *
 * Its query has the names and values of the API's own filters, so that a filtered list is a link.
 */

import { computed, signal } from '@preact/signals';

/** Names and values of a query; a name may occur more than once. */
export type Query = readonly (readonly [string, string])[];

/** A place in the console. */
export interface Route {
  /** The path's parts, decoded: `['peers', '192.0.2.1']`. */
  readonly path: readonly string[];
  readonly query: Query;
}

/** A query as it is convenient to write; what is `undefined` is left out. */
export type Terms = Readonly<Record<string, string | readonly string[] | undefined>>;

const hash = signal(location.hash);

/** The current place. */
export const route = computed(() => parse(hash.value));

/** Follow the address bar. */
export function followAddressBar(): void {
  addEventListener('hashchange', () => {
    hash.value = location.hash;
  });
}

/** Return the place that a hash names. */
export function parse(text: string): Route {
  const [path = '', query = ''] = text.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  return { path: path.split('/').filter(Boolean).map(decoded), query: [...new URLSearchParams(query)] };
}

/** Return the link to a place. */
export function link(path: readonly string[], query: Query | Terms = []): string {
  const pairs = Array.isArray(query) ? (query as Query) : pairsOf(query as Terms);
  const search = new URLSearchParams(pairs.map(([name, value]) => [name, value])).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

/** Go to a place; `replace` leaves no trace in the history. */
export function go(target: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', target);
  else history.pushState(null, '', target);
  hash.value = location.hash;
}

/** Return the values of a name. */
export function values(query: Query, name: string): string[] {
  return query.filter(([each]) => each === name).map(([, value]) => value);
}

/** Return a query with one more value, unless it has it already. */
export function withTerm(query: Query, name: string, value: string): Query {
  return query.some(([n, v]) => n === name && v === value) ? query : [...query, [name, value]];
}

/** Return a query without a value, or without a name. */
export function withoutTerm(query: Query, name: string, value?: string): Query {
  return query.filter(([n, v]) => n !== name || (value !== undefined && v !== value));
}

function pairsOf(terms: Terms): [string, string][] {
  return Object.entries(terms).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, each]),
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
