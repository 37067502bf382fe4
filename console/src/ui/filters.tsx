/** The filters of a list as chips; they are the query of the URL, in the API's own names and values. */

import { useState } from 'preact/hooks';

import { go, link, withoutTerm, withTerm, type Query } from '../route/route';
import { Icon } from './icons';
import { Menu } from './menu';

/** A parameter of the API that a list can be filtered by. */
export interface Filter {
  readonly name: string;
  readonly label: string;
  /** The values to choose from; without them, any text. */
  readonly values?: readonly string[];
  readonly valueLabel?: (value: string) => string;
  readonly example?: string;
}

/** Return the part of a query that the API's list takes. */
export function terms(query: Query, filters: readonly Filter[]): Record<string, string[]> {
  const known = new Set(filters.map((each) => each.name));
  const found: Record<string, string[]> = {};
  for (const [name, value] of query) if (known.has(name)) (found[name] ??= []).push(value);
  return found;
}

/** Show the filters in force, each with a way to drop it, and a way to add one. */
export function Chips({
  path,
  query,
  filters,
}: {
  path: readonly string[];
  query: Query;
  filters: readonly Filter[];
}) {
  const byName = new Map(filters.map((each) => [each.name, each]));
  const applied = query.filter(([name]) => byName.has(name));
  return (
    <div class="chips" role="group" aria-label="Filters">
      {applied.map(([name, value]) => {
        const filter = byName.get(name);
        const text = filter?.valueLabel?.(value) ?? value;
        return (
          <span class="chip" key={`${name}=${value}`}>
            <span class="chip-name">{filter?.label ?? name}</span>
            <bdi class="chip-value">{text.length > 60 ? `${text.slice(0, 60)}…` : text}</bdi>
            <a class="chip-drop" href={link(path, withoutTerm(query, name, value))}>
              <Icon name="close" size={12} />
              <span class="hidden">
                Drop the filter {filter?.label ?? name} {text.slice(0, 60)}
              </span>
            </a>
          </span>
        );
      })}
      <Menu icon="plus" label="Filter">
        {(close) => <AddFilter path={path} query={query} filters={filters} close={close} />}
      </Menu>
      {applied.length > 1 && (
        <a
          class="button plain"
          href={link(
            path,
            query.filter(([name]) => !byName.has(name)),
          )}
        >
          Clear
        </a>
      )}
    </div>
  );
}

function AddFilter({
  path,
  query,
  filters,
  close,
}: {
  path: readonly string[];
  query: Query;
  filters: readonly Filter[];
  close: () => void;
}) {
  const [name, setName] = useState(filters[0]?.name ?? '');
  const [value, setValue] = useState('');
  const filter = filters.find((each) => each.name === name);
  const apply = (chosen: string): void => {
    if (chosen.trim() === '') return;
    close();
    go(link(path, withTerm(query, name, chosen.trim())));
  };
  return (
    <form
      class="add-filter"
      onSubmit={(event) => {
        event.preventDefault();
        apply(value);
      }}
    >
      <label>
        <span>Filter by</span>
        <select
          class="input"
          value={name}
          onChange={(event) => {
            setName(event.currentTarget.value);
            setValue('');
          }}
        >
          {filters.map((each) => (
            <option key={each.name} value={each.name}>
              {each.label}
            </option>
          ))}
        </select>
      </label>
      {filter?.values === undefined ? (
        <>
          <label>
            <span>{filter?.label ?? 'Value'}</span>
            <input
              class="input"
              value={value}
              placeholder={filter?.example ?? ''}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => {
                setValue(event.currentTarget.value);
              }}
            />
          </label>
          <button type="submit" class="button primary">
            Apply
          </button>
        </>
      ) : (
        <div class="choices" role="group" aria-label={filter.label}>
          {filter.values.map((each) => (
            <button
              key={each}
              type="button"
              class="choice"
              onClick={() => {
                apply(each);
              }}
            >
              {filter.valueLabel?.(each) ?? each}
            </button>
          ))}
        </div>
      )}
    </form>
  );
}
