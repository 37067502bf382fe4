/** What the API's words for states and reasons mean, in a few words; and how alarming they are. */

/** How much attention something needs. */
export type Tone = 'good' | 'warn' | 'bad' | 'calm';

/** A word of the API as it is shown. */
export interface Word {
  readonly label: string;
  readonly tone: Tone;
  readonly meaning: string;
}

const CONTEXT_STATES: Record<string, Word> = {
  complete: { label: 'complete', tone: 'good', meaning: 'It has an inbound and an outbound SA.' },
  inbound_only: { label: 'inbound only', tone: 'warn', meaning: 'The outbound SA is missing.' },
  outbound_only: { label: 'outbound only', tone: 'warn', meaning: 'The inbound SA is missing.' },
  no_sa: { label: 'no SA', tone: 'calm', meaning: 'It has no SA yet, or no longer.' },
};

const PEER_STATES: Record<string, Word> = {
  protected: { label: 'protected', tone: 'good', meaning: 'There are SA contexts with both SAs.' },
  partial: { label: 'partial', tone: 'warn', meaning: 'No SA context has both SAs.' },
  negotiating: {
    label: 'negotiating',
    tone: 'calm',
    meaning: 'There is only a main mode SA, or a context without an SA.',
  },
  failing: {
    label: 'failing',
    tone: 'bad',
    meaning: 'There is no SA, and a negotiation failed in the last hour.',
  },
  down: {
    label: 'down',
    tone: 'bad',
    meaning: 'The settings expect SAs with this peer, and there are none.',
  },
};

const TUNNEL_STATES: Record<string, Word> = {
  up: { label: 'up', tone: 'good', meaning: 'There are SAs between its endpoints.' },
  template: { label: 'template', tone: 'calm', meaning: 'An endpoint is any address, or a name.' },
  failing: {
    label: 'failing',
    tone: 'bad',
    meaning: 'There is no SA, and a negotiation failed in the last hour.',
  },
  down: { label: 'down', tone: 'bad', meaning: 'The settings expect SAs, and there are none.' },
  idle: { label: 'idle', tone: 'calm', meaning: 'There are no SAs; it needs none until there is traffic.' },
};

const END_REASONS: Record<string, Word> = {
  rekeyed: { label: 'rekeyed', tone: 'good', meaning: 'Another context replaced it.' },
  main_mode_gone: {
    label: 'main mode gone',
    tone: 'warn',
    meaning: 'The main mode SA that negotiated it is gone.',
  },
  idle_timeout: {
    label: 'idle timeout',
    tone: 'calm',
    meaning: 'Its connection carried nothing for its idle timeout.',
  },
  lifetime_expired: {
    label: 'lifetime expired',
    tone: 'calm',
    meaning: 'It reached the lifetime of its SAs.',
  },
  deleted_here: { label: 'deleted here', tone: 'warn', meaning: 'This server deleted it.' },
  engine_restarted: {
    label: 'engine restarted',
    tone: 'warn',
    meaning: 'It belonged to an earlier run of the engine.',
  },
  unknown: { label: 'unknown', tone: 'calm', meaning: 'Nothing that the server saw explains it.' },
};

const EVENT_TYPES: Record<string, Word> = {
  ike_main_mode_failure: {
    label: 'main mode',
    tone: 'bad',
    meaning: 'The two hosts could not authenticate each other.',
  },
  ike_quick_mode_failure: {
    label: 'quick mode',
    tone: 'bad',
    meaning: 'The hosts could not agree on SAs for some traffic.',
  },
  ike_extended_mode_failure: {
    label: 'extended mode',
    tone: 'bad',
    meaning: 'The second authentication failed, usually the user’s.',
  },
  ipsec_kernel_drop: {
    label: 'packet dropped',
    tone: 'warn',
    meaning: 'A packet was replayed, changed, unprotected, or of an SA that is gone.',
  },
  ipsec_dosp_drop: {
    label: 'DoS protection',
    tone: 'warn',
    meaning: 'A gateway’s DoS protection dropped a packet.',
  },
};

const KINDS = {
  context: CONTEXT_STATES,
  peer: PEER_STATES,
  tunnel: TUNNEL_STATES,
  end: END_REASONS,
  event: EVENT_TYPES,
} as const;

/** The things that have such words. */
export type Kind = keyof typeof KINDS;

/** Return how a word of the API is shown; a newer server may have others. */
export function wordFor(kind: Kind, value: string): Word {
  return KINDS[kind][value] ?? { label: value.replaceAll('_', ' '), tone: 'calm', meaning: '' };
}

/** Return the values of a kind, for filters. */
export function wordsOf(kind: Kind): readonly string[] {
  return Object.keys(KINDS[kind]);
}
