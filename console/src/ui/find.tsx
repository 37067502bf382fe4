/** The box in the bar: from an address, a name, a rule or a failure's code to the page about it. */

import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { isAddress } from '../format/addresses';
import { go, link } from '../route/route';
import { Icon } from './icons';

/** Where a text may lead. */
interface Suggestion {
  readonly label: string;
  readonly to: string;
}

/** Show the box. `/` moves the focus to it. */
export function Find() {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const found = isOpen ? suggestions(text.trim()) : [];

  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof Element && event.target.matches('input, select, textarea');
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', key);
    return () => {
      removeEventListener('keydown', key);
    };
  }, []);

  const follow = (suggestion: Suggestion | undefined): void => {
    if (suggestion === undefined) return;
    setText('');
    setOpen(false);
    input.current?.blur();
    go(suggestion.to);
  };

  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        follow(found[chosen] ?? found[0]);
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        class="input"
        type="text"
        role="combobox"
        aria-label="Find an address, a name, a rule or a failure’s code"
        aria-expanded={found.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        {...(found.length > 0 ? { 'aria-activedescendant': `${id}-${String(chosen)}` } : {})}
        placeholder="Address, name, rule, code"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
          setOpen(true);
        }}
        onFocus={() => {
          setOpen(true);
        }}
        onBlur={() => {
          setOpen(false);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            setText('');
            setOpen(false);
          } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
            event.preventDefault();
            const step = event.key === 'ArrowDown' ? 1 : -1;
            setChosen((chosen + step + found.length) % Math.max(1, found.length));
          }
        }}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul
        id={`${id}-list`}
        role="listbox"
        aria-label="Suggestions"
        class={found.length > 0 ? 'suggestions' : 'hidden'}
      >
        {found.map((suggestion, index) => (
          <li
            key={suggestion.to}
            id={`${id}-${String(index)}`}
            role="option"
            aria-selected={index === chosen}
            onPointerDown={(event) => {
              event.preventDefault();
              follow(suggestion);
            }}
          >
            {suggestion.label}
          </li>
        ))}
      </ul>
    </form>
  );
}

function suggestions(text: string): Suggestion[] {
  if (text === '') return [];
  if (isAddress(text)) {
    return [
      { label: 'The peer with this address', to: link(['peers', text]) },
      {
        label: 'SA contexts with this remote address',
        to: link(['sa-contexts'], { remoteAddress: text }),
      },
      {
        label: 'SA contexts with this local address',
        to: link(['sa-contexts'], { localAddress: text }),
      },
      { label: 'Failures with this peer', to: link(['failures'], { remoteSubnet: text }) },
      { label: 'Tunnels to this address', to: link(['tunnels'], { remoteAddress: text }) },
    ];
  }
  if (/^[\d.a-f:]+\/\d+$/i.test(text)) {
    return [
      { label: 'Peers on this subnet', to: link(['peers'], { subnet: text }) },
      {
        label: 'SA contexts with peers on this subnet',
        to: link(['sa-contexts'], { remoteSubnet: text }),
      },
      { label: 'Failures with peers on this subnet', to: link(['failures'], { remoteSubnet: text }) },
    ];
  }
  const isNumber = /^(-?\d+|0x[0-9a-f]+)$/i.test(text);
  const isCode = /^([A-Z]+_[A-Z0-9_]+|(event|ras)-\d+)$/i.test(text);
  const codes = [{ label: `What the failure ${text} means`, to: link(['failures', text]) }];
  if (isNumber) return byLikelihood(text, codes);
  const start = text.endsWith('*') ? text : `${text}*`;
  return [
    ...(isCode ? codes : []),
    { label: `Peers named ${start}`, to: link(['peers'], { principalName: start }) },
    { label: `SA contexts of ${start}`, to: link(['sa-contexts'], { principalName: start }) },
    { label: `SA contexts by the rule ${start}`, to: link(['sa-contexts'], { ruleName: start }) },
    { label: `Tunnels named ${start}`, to: link(['tunnels'], { name: start }) },
  ];
}

/**
 * Return where a number may lead, the likely places first: failures have small codes, HRESULTs and
 * negative numbers, SPIs any 32 bits, and ids up to 64.
 */
function byLikelihood(text: string, codes: readonly Suggestion[]): Suggestion[] {
  const value = Number(text);
  const spi = { label: `SA contexts with the SPI ${text}`, to: link(['sa-contexts'], { spi: text }) };
  const ids = [
    { label: `The SA context ${text}`, to: link(['sa-contexts', text]) },
    { label: `SA contexts of the main mode SA ${text}`, to: link(['sa-contexts'], { mmSaId: text }) },
  ];
  if (value > 0xffffffff) return ids;
  if (value < 0) return [...codes];
  const isHresult = value >= 0x80000000 && value < 0x81000000;
  return value <= 0xffff || isHresult ? [...codes, spi, ...ids] : [spi, ...ids, ...codes];
}
